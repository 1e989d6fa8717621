-- Generation that stops: rounds held back, budgets, forecasts.

-- Rounds: of what was asked for, what a budget held back.
alter table provenance.rounds add column held_back bigint;
-- What requests took, counted here, and the forecast of each round beside what it came to.
alter table generation.requests add column prompt_tokens bigint;
alter table generation.requests add column completion_tokens bigint;
alter table generation.requests add column latency_s double;
create table generation.forecasts (
    round integer not null, requests bigint not null, tokens bigint, cost double, seconds double, basis varchar not null,
    actual_requests bigint not null, actual_tokens bigint, actual_cost double, actual_seconds double
);

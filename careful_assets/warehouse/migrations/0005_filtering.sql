-- A keyed digest of the raw text of a row that was masked for personal data; the raw text is in the quarantine.
alter table generation.candidates add column text_digest varchar;
-- Thresholds that people moved by rejudging; `card_threshold` is what the card said then. Rows are added, never changed.
create table filtering.overrides (
    seq bigint not null, gate varchar not null, threshold double not null, card_threshold double not null,
    reason varchar not null, recorded_at timestamptz not null, run_id varchar not null
);
-- What each expectation of the suites among a dataset's own gates found. `refuses`: it refuses the rows that do not meet it.
create table filtering.own_expectations (
    gate varchar not null, expectation integer not null, type varchar not null, column_name varchar, severity varchar not null,
    refuses boolean not null, passed boolean not null, checked bigint not null, unexpected bigint not null, detail varchar,
    suite_sha256 varchar not null
);
-- How well the gates work on planted and real rows; what they refuse by reason, batch by batch; rejects drawn for people
-- to read; and what the gates do to the balance of groups (weights in millionths of a row).
create table filtering.gate_quality (
    gate varchar not null, gate_version integer not null, threshold double, side varchar not null, kind varchar not null,
    n bigint not null, refused bigint not null, rate double, low double, high double
);
create table filtering.reason_rates (
    seq bigint not null, batch varchar not null, round integer not null, gate varchar not null, gate_version integer not null,
    threshold double, reason varchar not null, seen bigint not null, refused bigint not null
);
create table filtering.reject_samples (row_id varchar not null, gate varchar not null, reason varchar not null, draw integer not null);
create table filtering.traits (row_id varchar not null, label varchar not null, attribute varchar not null, value varchar not null, weight bigint not null);
create table filtering.balance (
    position integer not null, gate varchar not null, attribute varchar not null, value varchar not null, label varchar,
    before bigint not null, of_before bigint not null, after bigint not null, of_after bigint not null,
    share_before double, share_after double, anchors_share double
);

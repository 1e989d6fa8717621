-- Vintages of anchors, their contract and drift; purpose counted: gaps, ruler, limits, bias.

alter table anchors.vault_counts add column sum_of_squares bigint;
alter table anchors.vault_counts add column in_source bigint;
alter table anchors.sources add column owner varchar;
alter table anchors.sources add column settings varchar;
alter table anchors.sources add column group_column varchar;
create table anchors.history (
    row_id varchar not null, vintage integer not null, until integer, group_id varchar not null, source_group varchar not null, side varchar not null,
    split varchar not null, label varchar not null, text_hash bigint not null
);
create table anchors.changes (vintage integer not null, change varchar not null, split varchar not null, row_id varchar, eval_row_digest varchar);
create table anchors.attributes (row_id varchar not null, attribute varchar not null, value varchar not null);
create table anchors.contract (
    expectation integer not null, type varchar not null, column_name varchar, severity varchar not null, passed boolean not null,
    checked bigint not null, unexpected bigint not null, detail varchar, contract_sha256 varchar not null
);
create table anchors.contract_failures (expectation integer not null, row_id varchar not null, place bigint not null);
create table anchors.profiles (vintage integer not null, kind varchar not null, item varchar not null, n bigint not null);
create table anchors.drift (vintage integer not null, name varchar not null, value double not null, n bigint not null, threshold double not null, config varchar);

create table purpose.gaps (
    label varchar not null, claimed bigint not null, counted bigint not null, target bigint not null, missing bigint not null,
    damage varchar not null, collect_days double not null, collect_cost double not null,
    generate_requests bigint not null, generate_days double not null, generate_cost double not null
);
create table purpose.ruler (
    label varchar not null, rows bigint not null, groups bigint not null, design_effect double not null, effective_rows bigint not null,
    discordant_share double not null, visible_change double, wished_change double not null, more_rows bigint
);
create table purpose.limits (
    level varchar not null, review varchar not null, review_rows bigint,
    max_synthetic_share_cap double not null, max_leak_share_cap double not null
);
create table purpose.bias (
    attribute varchar not null, value varchar not null, label varchar, n bigint not null, of bigint not null,
    rate double not null, low double not null, high double not null
);
create table purpose.simulated (split varchar not null, label varchar not null, rows bigint not null);

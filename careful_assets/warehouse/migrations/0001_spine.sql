-- The spine's tables, one schema a stage. Columns may grow in later migrations, never shrink.

create schema anchors;
create table anchors.rows (
    row_id varchar not null, text varchar not null, label varchar not null, group_id varchar not null,
    source varchar not null, vintage integer not null, split varchar not null, votes integer[]
);
create table anchors.vault_counts (label varchar not null, n bigint not null, groups bigint not null, registry_state varchar not null);
create table anchors.sources (
    source varchar not null, vintage integer not null, sha256 varchar not null, licence varchar not null,
    rows bigint not null, groups bigint not null, joined_groups bigint not null,
    sealed_rows bigint not null, sealed_groups bigint not null
);

create schema purpose;
create table purpose.cards (card_digest varchar not null, profile_digest varchar not null, card varchar not null);
create table purpose.answers (letter varchar not null, question varchar not null, answer varchar not null, evidence varchar not null);

create schema generation;
create table generation.requests (
    request_id varchar not null, round integer not null, stratum varchar not null, prompt_id varchar not null,
    prompt_sha256 varchar not null, rendered_prompt varchar not null, generator_id varchar not null,
    generator_family varchar not null, generator_digest varchar not null, params varchar not null, seed bigint not null,
    completions integer not null, parent_ids varchar[] not null, status varchar not null, cause varchar,
    attempts integer not null, resent boolean not null, tokens bigint, cost double,
    requested_at timestamptz, answered_at timestamptz
);
create table generation.candidates (
    row_id varchar not null, request_id varchar not null, ordinal integer not null, text varchar not null,
    requested_label varchar not null, artifact_type varchar not null, finish_reason varchar, depth integer not null,
    personal_data varchar[]
);

create schema filtering;
create table filtering.decisions (
    row_id varchar not null, gate varchar not null, gate_version integer not null, position integer not null,
    passed boolean not null, reason varchar, score double, threshold double, matched_row_id varchar, evidence varchar
);

create schema labeling;
create table labeling.votes (row_id varchar not null, judge varchar not null, family varchar not null, label varchar not null, confidence double);
create table labeling.labels (row_id varchar not null, label varchar not null, label_source varchar not null, confirmed boolean not null);
create table labeling.agreement (name varchar not null, value double, n bigint not null, config varchar);

create schema evaluation;
create table evaluation.detectors (detector varchar not null, version integer not null, ran boolean not null, rows_seen bigint not null, sealed_rows bigint not null, cause varchar);
create table evaluation.leaks (row_id varchar not null, eval_row_digest varchar not null, detector varchar not null, score double not null, threshold double not null, evidence varchar);
create table evaluation.measures (name varchar not null, value double, low double, high double, n bigint not null, reference_value double, config varchar);

create schema training;
create table training.slices (
    slice varchar not null, name varchar not null, value double, low double, high double, n bigint not null,
    reference_value double, config varchar, registry_state varchar not null, frozen_at timestamptz not null
);
create table training.results (
    arm varchar not null, slice varchar not null, name varchar not null, value double, low double, high double,
    n bigint not null, reference_value double, config varchar
);
create table training.mixes (mix_id varchar not null, arm varchar not null, row_id varchar not null, origin varchar not null, label varchar not null, weight double not null, model_digest varchar not null, registry_state varchar not null);

create schema release;
create table release.rows (row_id varchar not null, text varchar not null, label varchar not null, origin varchar not null, split varchar not null, version varchar not null);
create table release.releases (
    version varchar not null, content_digest varchar not null, folder_digest varchar not null, status varchar not null,
    rows bigint not null, generated bigint not null, made_at timestamptz not null
);

create schema monitoring;
create table monitoring.observations (slice varchar not null, name varchar not null, value double, baseline double, n bigint not null, version varchar not null);

create schema retirement;
create table retirement.statuses (version varchar not null, status varchar not null, review_by date not null, retire_by date not null, reason varchar);

create table provenance.rounds (
    round integer not null, stratum varchar not null, asked bigint not null, answered bigint not null, kept bigint not null,
    coverage double, coverage_noise double
);
create table provenance.versions (
    seq bigint not null, stage varchar not null, data_version varchar not null, upstream varchar not null,
    card_digest varchar not null, run_id varchar not null, made_at timestamptz not null
);
create table provenance.ledger (
    seq bigint not null, stage varchar not null, data_version varchar not null, check_name varchar not null,
    check_version integer not null, profile_digest varchar not null, letters varchar not null, passed boolean not null,
    severity varchar not null, summary varchar not null, run_id varchar not null, checked_at timestamptz not null
);
create table provenance.openings (
    seq bigint not null, stage varchar not null, grant_name varchar not null, operation varchar not null, rows bigint not null,
    registry_state varchar not null, protections varchar not null, detail varchar, run_id varchar not null, opened_at timestamptz not null
);

-- Provenance: what was trained on, reviewed, excluded, inherited and erased. Rows of these tables are added, never rewritten.

create table labeling.reviews (
    seq bigint not null, row_id varchar not null, reviewer varchar not null, decision varchar not null, label varchar,
    reviewed_at timestamptz not null
);
-- Every mix a model was ever trained on; training.mixes holds those of now.
create table training.runs (
    seq bigint not null, mix_id varchar not null, arm varchar not null, row_id varchar not null, origin varchar not null,
    model_digest varchar not null, registry_state varchar not null, run_id varchar not null, trained_at timestamptz not null
);
-- Every generated row that training was ever allowed to use, by ids and digests: what is known of it when other rows have
-- taken its place among the candidates.
create table training.records (
    seq bigint not null, row_id varchar not null, request_id varchar not null, ordinal integer not null, round integer not null,
    prompt_id varchar not null, prompt_sha256 varchar not null, generator_id varchar not null, generator_family varchar not null,
    generator_revision varchar, generator_digest varchar not null, params varchar not null, seed bigint not null,
    parent_ids varchar[] not null, requested_label varchar not null, label varchar not null, label_source varchar not null,
    depth integer not null, run_id varchar not null, recorded_at timestamptz not null
);
-- What people took out of every version to come: all rows of a generator, prompt, request, range of seeds or parent.
create table filtering.exclusions (
    seq bigint not null, kind varchar not null, item varchar not null, reason varchar not null, withdrawn boolean not null,
    recorded_at timestamptz not null, run_id varchar not null
);
-- Files without provenance, and what each of their lines was found to be.
create table provenance.inherited_files (
    file_digest varchar not null, file_name varchar not null, rows bigint not null, text_column varchar not null,
    label_column varchar, thresholds varchar not null, registry_state varchar, inherited_at timestamptz not null
);
create table provenance.inherited (
    file_digest varchar not null, line bigint not null, origin varchar not null, how varchar, matched_row_id varchar,
    eval_row_digest varchar, score double, row_id varchar
);
-- Erasures: each step of one is a row (begun, swept, done); `erased` lists what it reached, by id alone.
create table provenance.erasures (
    seq bigint not null, erasure_id varchar not null, row_id varchar not null, status varchar not null, reason varchar not null,
    receipt varchar, recorded_at timestamptz not null
);
create table provenance.erased (erasure_id varchar not null, kind varchar not null, item varchar not null);

alter table release.releases add column retired_at timestamptz;
alter table release.releases add column retired_because varchar;

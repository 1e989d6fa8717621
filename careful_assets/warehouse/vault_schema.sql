-- The vault's tables. Run inside the first sealing's transaction, and harmless after it.

create schema if not exists sealed;
create table if not exists sealed.keys (key blob not null);
create table if not exists sealed.rows (
    row_id varchar primary key, text varchar not null, label varchar not null, group_id varchar not null,
    sealed_in varchar not null
);
-- What the source says now of each sealed row, or said last.
create table if not exists sealed.sources (
    row_id varchar not null, present boolean not null, label varchar not null, group_id varchar not null, text_hash bigint not null
);
-- Groups that hold copies of each other, in pairs: to a ruler they are one.
create table if not exists sealed.joins (group_id varchar not null, other varchar not null);
create table if not exists sealed.changes (vintage integer not null, change varchar not null, row_id varchar not null);
create table if not exists sealed.tags (row_id varchar not null, slice varchar not null);
create table if not exists sealed.fingerprints (row_id varchar not null, kind varchar not null, hash bigint not null);
create table if not exists sealed.registry (
    seq bigint not null, registry_state varchar not null, rows bigint not null, groups bigint not null,
    added bigint not null, run_id varchar not null, sealed_at timestamptz not null
);
-- Over all that the file holds, under its key: what was changed behind the grants' back no longer gives it.
alter table sealed.registry add column if not exists seal varchar;
-- How far the raters of a row were apart, where the source has their votes: the share that disagrees with the commonest.
create table if not exists sealed.ratings (row_id varchar not null, disagreement double not null);
-- Released evaluation sets of other datasets, and what they descend from.
create table if not exists sealed.sets (
    set_name varchar primary key, dataset varchar not null, version varchar not null, content_digest varchar not null,
    rows bigint not null, sealed_at timestamptz not null
);
create table if not exists sealed.set_rows (
    set_name varchar not null, row_id varchar not null, text varchar not null, label varchar not null
);
create table if not exists sealed.set_lineage (set_name varchar not null, kind varchar not null, item varchar not null);
-- Sentences that exist nowhere else. place: sealed_set or release; name: which one.
create table if not exists sealed.canaries (
    canary_digest varchar primary key, text varchar not null, place varchar not null, name varchar not null, made_at timestamptz not null
);

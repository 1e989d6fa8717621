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

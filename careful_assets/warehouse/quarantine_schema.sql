-- The quarantine's tables. Run inside the transaction that first needs them, and harmless after it.

create schema if not exists quarantine;
create table if not exists quarantine.keys (key blob not null);
create table if not exists quarantine.rows (
    row_id varchar primary key, text varchar not null, kinds varchar[] not null, text_digest varchar not null,
    quarantined_at timestamptz not null
);

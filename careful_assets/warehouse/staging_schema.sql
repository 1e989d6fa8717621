-- Where anchors lie while they are dealt out: a file of the stage's own, gone when the stage ends.

create schema staged;
-- What was offered, as read. `key` is the source's, or the salted digest of the text.
create table staged.rows (
    ref bigint not null, row_id varchar not null, key varchar not null, keyed boolean not null, text varchar not null,
    label varchar not null, group_id varchar, votes integer[], text_hash bigint not null
);
-- Texts of further evaluation sets, by the hash of their normal form: no real row may stand among them.
create table staged.set_texts (set_name varchar not null, text_hash bigint not null);
create table staged.hints (ref bigint not null, column_name varchar not null, value varchar not null);
create table staged.attributes (ref bigint not null, attribute varchar not null, value varchar not null);
-- What an earlier reading, and the vault, know of it.
create table staged.past (
    row_id varchar not null, vintage integer not null, until integer, group_id varchar not null, source_group varchar not null, side varchar not null,
    split varchar not null, label varchar not null, text_hash bigint not null
);
create table staged.known (
    row_id varchar not null, group_id varchar not null, side varchar not null, split varchar not null, text_hash bigint not null,
    standing boolean not null
);
create table staged.kin (ref bigint not null, how varchar not null);
-- How its groups hang together, and where each falls.
create table staged.clusters (text_hash bigint not null, cluster bigint not null);
create table staged.groups (number bigint not null, group_id varchar not null, side varchar);
create table staged.leaders (number bigint not null, leader bigint not null);
create table staged.touches (leader bigint not null, side varchar not null);
create table staged.points (number bigint not null, point bigint not null);
create table staged.dealt (number bigint not null, group_id varchar not null, leader bigint not null, side varchar not null);
create table staged.bridges (ref bigint not null);
create table staged.lying (ref bigint not null, group_id varchar not null, side varchar not null, split varchar not null);
-- What the vault needs of it beside the rows.
create table staged.shingles (text_hash bigint not null, hash bigint not null);
create table staged.slices (ref bigint not null, slice varchar not null);
-- What the stage makes of it.
create table staged.history (
    row_id varchar not null, vintage integer not null, until integer, group_id varchar not null, source_group varchar not null, side varchar not null,
    split varchar not null, label varchar not null, text_hash bigint not null
);
create table staged.versions (row_id varchar not null, vintage integer not null);
create table staged.open_rows (
    row_id varchar not null, text varchar not null, label varchar not null, group_id varchar not null,
    source varchar not null, vintage integer not null, split varchar not null, votes integer[]
);
create table staged.changes (vintage integer not null, change varchar not null, split varchar not null, row_id varchar, eval_row_digest varchar);
create table staged.open_attributes (row_id varchar not null, attribute varchar not null, value varchar not null);

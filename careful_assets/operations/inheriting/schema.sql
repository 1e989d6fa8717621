-- Where a foreign file lies while it is sorted: in a private folder that is gone afterwards.

-- `whole`: readable, and without a character that stands for lost bytes. `row_hash`: of the label and the row that a
-- line would become; null where it cannot become one.
create table inherit_lines (
    line bigint not null, text varchar, label varchar, text_hash bigint, row_hash bigint, whole boolean not null
);
create table inherit_faulty (line bigint not null);
create table inherit_texts (text_hash bigint not null, text varchar not null);
create table inherit_known (row_id varchar not null, origin varchar not null, text varchar not null, text_hash bigint not null);
create table inherit_matches (
    text_hash bigint not null, origin varchar not null, how varchar not null, matched_row_id varchar,
    eval_row_digest varchar, score bigint not null
);
create table inherit_best (
    text_hash bigint not null, origin varchar not null, how varchar not null, matched_row_id varchar,
    eval_row_digest varchar, score bigint not null
);
create table inherit_taken (row_hash bigint not null, row_id varchar not null);
create table inherit_unknown (line bigint not null, label varchar not null, text varchar not null);
create table inherit_result (
    file_digest varchar, line bigint not null, origin varchar not null, how varchar, matched_row_id varchar,
    eval_row_digest varchar, score double, row_id varchar
);

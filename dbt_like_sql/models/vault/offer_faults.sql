-- What is wrong with an offer, in counts of rows: one row. `reopened`: sealed before, and would lie open. `crossing`: open
-- with a sealed row's text. `stale`: fingerprints of unchanged sealed rows that are computed differently now;
-- `not_offered`: sealed rows that are not offered with the text they were sealed with, `absent`: not at all.
with offered as (
    select
        offered_rows.row_id,
        offered_rows.text,
        offered_rows.text_hash,
        offered_lying.split
    from offered_rows
    inner join offered_lying
        on offered_rows.ref = offered_lying.ref
),

again as (
    select
        offered.row_id,
        offered.split,
        offered.text = sealed.rows.text as unchanged
    from offered
    inner join sealed.rows
        on offered.row_id = sealed.rows.row_id
),

sealed_texts as (
    select hash
    from sealed.fingerprints
    where kind = 'exact'
    union
    -- What a sealed row says in the source now is not sealed, if it is another text than was.
    select offered.text_hash as hash
    from offered
    left join again
        on offered.row_id = again.row_id
    where offered.split = 'vault' and coalesce(again.unchanged, true)
),

-- Kinds that are not computed now, such as shingles where near copies are not looked for, stay as they are.
kinds as (
    select distinct kind
    from offered_marks
),

-- A row that was sealed when near copies were found without shingles has none, and may get some.
without_shingles as (
    select again.row_id
    from again
    left join (select distinct row_id from sealed.fingerprints where kind = 'shingle') as shingled
        on again.row_id = shingled.row_id
    where shingled.row_id is null
),

stored as (
    select
        sealed.fingerprints.row_id,
        sealed.fingerprints.kind,
        sealed.fingerprints.hash
    from sealed.fingerprints
    inner join again
        on sealed.fingerprints.row_id = again.row_id
    inner join kinds
        on sealed.fingerprints.kind = kinds.kind
    where again.unchanged
),

marked as (
    select
        offered_marks.row_id,
        offered_marks.kind,
        offered_marks.hash
    from offered_marks
    inner join again
        on offered_marks.row_id = again.row_id
    left join without_shingles
        on offered_marks.row_id = without_shingles.row_id
    where again.unchanged and (offered_marks.kind <> 'shingle' or without_shingles.row_id is null)
),

stale as (
    select stored.row_id
    from stored
    left join marked
        on stored.row_id = marked.row_id and stored.kind = marked.kind and stored.hash = marked.hash
    where marked.row_id is null
    union
    select marked.row_id
    from marked
    left join stored
        on marked.row_id = stored.row_id and marked.kind = stored.kind and marked.hash = stored.hash
    where stored.row_id is null
)

select
    (select count(*) - count(distinct row_id) from offered) as repeated,
    (select count(*) from offered_slices where slice = 'all') as reserved,
    (select count(*) from again where split <> 'vault') as reopened,
    (
        select count(*)
        from offered
        inner join sealed_texts
            on offered.text_hash = sealed_texts.hash
        where offered.split <> 'vault' and offered.split <> 'aside'
    ) as crossing,
    (select count(*) from stale) as stale,
    (select count(*) from sealed.rows) - (select count(*) from again where unchanged) as not_offered,
    (select count(*) from sealed.rows) - (select count(*) from again) as absent

-- Rows on offer that are new, or have a new text, and are not sealed themselves, with the sealed rows that they are near copies of: the shingles that both hold
-- are at least $thousandths of those that either holds (Jaccard). One row a pair.
--
-- Pairs are sought by prefixes (set-similarity join): with all shingles in one order, the rarest first, two rows that
-- similar have one in common among the first n - ceil(t * n) + 1 of each, and n differs by no more than the factor t.
-- Pairs found so are then counted in full: the answer is exact.
with asked as (
    select distinct offered_rows.text_hash
    from offered_rows
    left join sealed.rows
        on offered_rows.row_id = sealed.rows.row_id
    left join offered_known
        on
            offered_rows.row_id = offered_known.row_id
            and offered_rows.text_hash = offered_known.text_hash
            and offered_known.standing
    where sealed.rows.row_id is null and offered_known.row_id is null
),

offered_hashes as (
    select distinct
        offered_shingles.text_hash,
        offered_shingles.hash
    from offered_shingles
    inner join asked
        on offered_shingles.text_hash = asked.text_hash
),

sealed_hashes as (
    select distinct row_id, hash
    from sealed.fingerprints
    where kind = 'shingle'
),

frequencies as (
    select hash, count(*) as n
    from (
        select hash from offered_hashes
        union all
        select hash from sealed_hashes
    ) as both_sides
    group by hash
),

offered_counts as (
    select text_hash, count(*) as n
    from offered_hashes
    group by text_hash
),

sealed_counts as (
    select row_id, count(*) as n
    from sealed_hashes
    group by row_id
),

offered_ranked as (
    select
        offered_hashes.text_hash,
        offered_hashes.hash,
        row_number() over (
            partition by offered_hashes.text_hash order by frequencies.n, offered_hashes.hash
        ) as place
    from offered_hashes
    inner join frequencies
        on offered_hashes.hash = frequencies.hash
),

sealed_ranked as (
    select
        sealed_hashes.row_id,
        sealed_hashes.hash,
        row_number() over (
            partition by sealed_hashes.row_id order by frequencies.n, sealed_hashes.hash
        ) as place
    from sealed_hashes
    inner join frequencies
        on sealed_hashes.hash = frequencies.hash
),

offered_prefixes as (
    select
        offered_ranked.text_hash,
        offered_ranked.hash,
        offered_ranked.place,
        offered_counts.n
    from offered_ranked
    inner join offered_counts
        on offered_ranked.text_hash = offered_counts.text_hash
    where (offered_counts.n - offered_ranked.place + 1) * 1000 >= $thousandths * offered_counts.n
),

sealed_prefixes as (
    select
        sealed_ranked.row_id,
        sealed_ranked.hash,
        sealed_ranked.place,
        sealed_counts.n
    from sealed_ranked
    inner join sealed_counts
        on sealed_ranked.row_id = sealed_counts.row_id
    where (sealed_counts.n - sealed_ranked.place + 1) * 1000 >= $thousandths * sealed_counts.n
),

pairs as (
    select distinct
        offered_prefixes.text_hash,
        offered_prefixes.n as offered_n,
        sealed_prefixes.row_id,
        sealed_prefixes.n as sealed_n
    from offered_prefixes
    inner join sealed_prefixes
        on offered_prefixes.hash = sealed_prefixes.hash
    where
        offered_prefixes.n * 1000 >= $thousandths * sealed_prefixes.n
        and sealed_prefixes.n * 1000 >= $thousandths * offered_prefixes.n
        -- What may still follow the first shingle that they share must suffice (positional filter).
        and (1 + least(offered_prefixes.n - offered_prefixes.place, sealed_prefixes.n - sealed_prefixes.place))
        * (1000 + $thousandths)
        >= $thousandths * (offered_prefixes.n + sealed_prefixes.n)
),

-- The distinct changes no row. It keeps engines from joining all hashes of both sides before the pairs.
pair_hashes as (
    select distinct
        pairs.text_hash,
        pairs.offered_n,
        pairs.row_id,
        pairs.sealed_n,
        offered_hashes.hash
    from pairs
    inner join offered_hashes
        on pairs.text_hash = offered_hashes.text_hash
),

near_texts as (
    select
        pair_hashes.text_hash,
        pair_hashes.row_id
    from pair_hashes
    inner join sealed_hashes
        on
            pair_hashes.row_id = sealed_hashes.row_id
            and pair_hashes.hash = sealed_hashes.hash
    group by pair_hashes.text_hash, pair_hashes.offered_n, pair_hashes.row_id, pair_hashes.sealed_n
    having count(*) * 1000 >= $thousandths * (pair_hashes.offered_n + pair_hashes.sealed_n - count(*))
)

select
    offered_rows.ref,
    near_texts.row_id
from offered_rows
inner join near_texts
    on offered_rows.text_hash = near_texts.text_hash
left join sealed.rows
    on offered_rows.row_id = sealed.rows.row_id
where sealed.rows.row_id is null

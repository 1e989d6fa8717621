-- Candidates that share enough of their distinct word n-grams with a sealed row: at least
-- $containment_thousandths of the n-grams of the one that has fewer. One row a pair.
--
-- Comparing all pairs with a common n-gram is quadratic where a phrase is frequent. So pairs are sought by prefixes:
-- if two rows share s n-grams, and the smaller has n, then any n - s + 1 of the smaller's hold a shared one. We take
-- those that are rarest on the other side. Pairs found so are then counted in full: the answer is exact.
with candidate_hashes as (
    select distinct row_id, hash
    from candidates
    where hash is not null
),

sealed_hashes as (
    select distinct row_id, hash
    from sealed.fingerprints
    where kind = 'ngram'
),

candidate_counts as (
    select row_id, count(*) as n
    from candidate_hashes
    group by row_id
),

sealed_counts as (
    select row_id, count(*) as n
    from sealed_hashes
    group by row_id
),

candidate_frequencies as (
    select hash, count(*) as n
    from candidate_hashes
    group by hash
),

sealed_frequencies as (
    select hash, count(*) as n
    from sealed_hashes
    group by hash
),

candidate_ranked as (
    select
        candidate_hashes.row_id,
        candidate_hashes.hash,
        candidate_counts.n,
        row_number() over (
            partition by candidate_hashes.row_id
            order by coalesce(sealed_frequencies.n, 0), candidate_hashes.hash
        ) as place
    from candidate_hashes
    inner join candidate_counts
        on candidate_hashes.row_id = candidate_counts.row_id
    left join sealed_frequencies
        on candidate_hashes.hash = sealed_frequencies.hash
),

sealed_ranked as (
    select
        sealed_hashes.row_id,
        sealed_hashes.hash,
        sealed_counts.n,
        row_number() over (
            partition by sealed_hashes.row_id
            order by coalesce(candidate_frequencies.n, 0), sealed_hashes.hash
        ) as place
    from sealed_hashes
    inner join sealed_counts
        on sealed_hashes.row_id = sealed_counts.row_id
    left join candidate_frequencies
        on sealed_hashes.hash = candidate_frequencies.hash
),

pairs as (
    select
        candidate_ranked.row_id,
        sealed_ranked.row_id as sealed_row_id
    from candidate_ranked
    inner join sealed_ranked
        on candidate_ranked.hash = sealed_ranked.hash
    where
        candidate_ranked.n <= sealed_ranked.n
        and (candidate_ranked.n - candidate_ranked.place + 1) * 1000 >= $containment_thousandths * candidate_ranked.n
    -- A plain union: each pair once.
    union
    select
        candidate_ranked.row_id,
        sealed_ranked.row_id as sealed_row_id
    from candidate_ranked
    inner join sealed_ranked
        on candidate_ranked.hash = sealed_ranked.hash
    where
        sealed_ranked.n < candidate_ranked.n
        and (sealed_ranked.n - sealed_ranked.place + 1) * 1000 >= $containment_thousandths * sealed_ranked.n
),

-- The distinct changes no row. It keeps engines from joining all hashes of both sides before the pairs.
pair_hashes as (
    select distinct
        pairs.row_id,
        pairs.sealed_row_id,
        candidate_hashes.hash
    from pairs
    inner join candidate_hashes
        on pairs.row_id = candidate_hashes.row_id
),

shared as (
    select
        pair_hashes.row_id,
        pair_hashes.sealed_row_id,
        count(*) as shared
    from pair_hashes
    inner join sealed_hashes
        on
            pair_hashes.sealed_row_id = sealed_hashes.row_id
            and pair_hashes.hash = sealed_hashes.hash
    group by pair_hashes.row_id, pair_hashes.sealed_row_id
)

select
    shared.row_id,
    shared.sealed_row_id,
    shared.shared,
    least(candidate_counts.n, sealed_counts.n) as of_hashes
from shared
inner join candidate_counts
    on shared.row_id = candidate_counts.row_id
inner join sealed_counts
    on shared.sealed_row_id = sealed_counts.row_id
where shared.shared * 1000 >= $containment_thousandths * least(candidate_counts.n, sealed_counts.n)

-- Candidates that share enough of their distinct word n-grams with a sealed row: at least
-- $containment_thousandths of the n-grams of the one that has fewer. One row a pair.
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

pairs as (
    select
        candidate_hashes.row_id,
        sealed_hashes.row_id as sealed_row_id,
        count(*) as shared
    from candidate_hashes
    inner join sealed_hashes
        on candidate_hashes.hash = sealed_hashes.hash
    group by candidate_hashes.row_id, sealed_hashes.row_id
)

select
    pairs.row_id,
    pairs.sealed_row_id,
    pairs.shared,
    least(candidate_counts.n, sealed_counts.n) as of_hashes
from pairs
inner join candidate_counts
    on pairs.row_id = candidate_counts.row_id
inner join sealed_counts
    on pairs.sealed_row_id = sealed_counts.row_id
where pairs.shared * 1000 >= $containment_thousandths * least(candidate_counts.n, sealed_counts.n)

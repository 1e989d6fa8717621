-- The candidates whose own seed, their request's and their place among its completions, lies from $first to $last.
-- $seeds: how many seeds there are; after the last one comes the first.
select row_id, seed
from (
    select
        candidates.row_id as row_id,
        case
            when requests.seed + candidates.ordinal < $seeds then requests.seed + candidates.ordinal
            else requests.seed + candidates.ordinal - $seeds
        end as seed
    from generation.candidates as candidates
    inner join generation.requests as requests on requests.request_id = candidates.request_id
) as seeded
where seed >= $first and seed <= $last

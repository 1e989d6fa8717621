-- The generated rows whose own seed, their request's and their place among its completions, lies from $first to $last.
-- $seeds: how many seeds there are; after the last one comes the first. What came in a file was drawn by nobody's seed.
with asked as (
    select candidates.row_id as row_id, requests.seed + candidates.ordinal as seed, requests.generator_family as family
    from generation.candidates as candidates
    inner join generation.requests as requests on requests.request_id = candidates.request_id
    union all
    select row_id, seed + ordinal as seed, generator_family as family
    from earlier
),

seeded as (
    select row_id, case when seed < $seeds then seed else seed - $seeds end as seed
    from asked
    where family <> 'unknown'
)

select row_id, seed
from seeded
where seed >= $first and seed <= $last

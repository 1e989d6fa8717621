-- Candidates that an exclusion takes out, each with the first exclusion that does.
-- Reads excluding (exclusions with the seeds of a range) and row_ancestors (what each candidate descends from).
-- $seeds: how many seeds there are; after the last one comes the first.
with asked as (
    select
        candidates.row_id as row_id,
        requests.request_id as request_id,
        requests.generator_id as generator_id,
        requests.generator_digest as generator_digest,
        requests.prompt_id as prompt_id,
        requests.prompt_sha256 as prompt_sha256,
        case
            when requests.seed + candidates.ordinal < $seeds then requests.seed + candidates.ordinal
            else requests.seed + candidates.ordinal - $seeds
        end as seed
    from generation.candidates as candidates
    inner join generation.requests as requests on requests.request_id = candidates.request_id
),

named as (
    select row_id, 'generator' as kind, generator_id as item from asked
    union all
    select row_id, 'generator' as kind, generator_digest as item from asked
    union all
    select row_id, 'prompt' as kind, prompt_id as item from asked
    union all
    select row_id, 'prompt' as kind, prompt_sha256 as item from asked
    union all
    select row_id, 'request' as kind, request_id as item from asked
    union all
    select row_id, 'anchor' as kind, ancestor as item from row_ancestors
),

hit as (
    select named.row_id as row_id, excluding.seq as seq, excluding.kind as kind
    from named
    inner join excluding on excluding.kind = named.kind and excluding.item = named.item
    union all
    select asked.row_id as row_id, excluding.seq as seq, excluding.kind as kind
    from asked
    inner join excluding
        on excluding.kind = 'seed' and asked.seed >= excluding.first_seed and asked.seed <= excluding.last_seed
)

select row_id, kind, seq
from (
    select row_id, kind, seq, row_number() over (partition by row_id order by seq, kind) as place
    from hit
) as numbered
where place = 1
order by row_id

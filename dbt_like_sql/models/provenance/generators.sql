-- What each generator was asked and gave: by prompt and parameters the requests, the seeds they span, and the rows.
select
    asked.generator_id,
    asked.generator_family,
    asked.generator_revision,
    asked.generator_digest,
    asked.prompt_id,
    asked.prompt_sha256,
    asked.params,
    count(*) as requests,
    min(asked.seed) as first_seed,
    max(asked.seed + asked.completions - 1) as last_seed,
    cast(sum(coalesce(given.n, 0)) as bigint) as rows
from generation.requests as asked
left join (
    select request_id, count(*) as n
    from generation.candidates
    group by request_id
) as given on given.request_id = asked.request_id
group by
    asked.generator_id, asked.generator_family, asked.generator_revision, asked.generator_digest, asked.prompt_id,
    asked.prompt_sha256, asked.params
order by
    asked.generator_id, asked.generator_revision, asked.generator_digest, asked.prompt_id, asked.prompt_sha256,
    asked.params

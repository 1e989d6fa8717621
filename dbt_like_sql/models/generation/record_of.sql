-- Everything that says where one candidate came from: its request with model, prompt, seed, parameters and parents. $row_id: the candidate.
select
    candidates.row_id as row_id,
    candidates.ordinal as ordinal,
    candidates.depth as depth,
    requests.request_id as request_id,
    requests.round as round,
    requests.stratum as stratum,
    requests.generator_id as generator_id,
    requests.generator_family as generator_family,
    requests.generator_digest as generator_digest,
    requests.prompt_id as prompt_id,
    requests.prompt_sha256 as prompt_sha256,
    requests.rendered_prompt as rendered_prompt,
    requests.params as params,
    requests.seed as seed,
    requests.completions as completions,
    requests.parent_ids as parent_ids,
    requests.status as status,
    requests.attempts as attempts,
    requests.resent as resent,
    requests.tokens as tokens,
    requests.prompt_tokens as prompt_tokens,
    requests.completion_tokens as completion_tokens,
    requests.cost as cost,
    requests.latency_s as latency_s,
    requests.requested_at as requested_at,
    requests.answered_at as answered_at
from generation.candidates as candidates
inner join generation.requests as requests on requests.request_id = candidates.request_id
where candidates.row_id = $row_id

-- The record of every generated row that training may use, before any cap, and that is not on record under its label yet.
select
    candidates.row_id as row_id,
    candidates.request_id as request_id,
    candidates.ordinal as ordinal,
    requests.round as round,
    requests.prompt_id as prompt_id,
    requests.prompt_sha256 as prompt_sha256,
    requests.generator_id as generator_id,
    requests.generator_family as generator_family,
    requests.generator_revision as generator_revision,
    requests.generator_digest as generator_digest,
    requests.params as params,
    requests.seed as seed,
    requests.parent_ids as parent_ids,
    candidates.requested_label as requested_label,
    labels.label as label,
    labels.label_source as label_source,
    candidates.depth as depth
from generation.candidates as candidates
inner join generation.requests as requests on requests.request_id = candidates.request_id
inner join labeling.labels as labels on labels.row_id = candidates.row_id and labels.confirmed
left join (select row_id from evaluation.leaks group by row_id) as struck on struck.row_id = candidates.row_id
left join training.records as known
    on known.row_id = candidates.row_id and known.label = labels.label and known.label_source = labels.label_source
where struck.row_id is null
  and known.row_id is null
order by candidates.row_id

-- Where each generated row of a release came from: how it was asked for, who stands behind its label, and who of the
-- people looked at it last.
select
    candidates.row_id as row_id,
    candidates.request_id as request_id,
    candidates.ordinal as ordinal,
    candidates.finish_reason as finish_reason,
    candidates.artifact_type as artifact_type,
    candidates.depth as depth,
    candidates.requested_label as requested_label,
    labels.label_source as label_source,
    requests.round as round,
    requests.prompt_id as prompt_id,
    requests.prompt_sha256 as prompt_sha256,
    requests.rendered_prompt as rendered_prompt,
    requests.generator_id as generator_id,
    requests.generator_family as generator_family,
    requests.generator_digest as generator_digest,
    requests.generator_revision as generator_revision,
    requests.params as params,
    requests.seed as seed,
    requests.parent_ids as parent_ids,
    reviews.reviewer as reviewer,
    reviews.decision as review,
    reviews.reviewed_at as reviewed_at
from generation.candidates as candidates
inner join labeling.labels as labels on labels.row_id = candidates.row_id and labels.confirmed
inner join generation.requests as requests on requests.request_id = candidates.request_id
left join (select row_id from evaluation.leaks group by row_id) as struck on struck.row_id = candidates.row_id
left join (select row_id, max(seq) as seq from labeling.reviews group by row_id) as newest
    on newest.row_id = candidates.row_id
left join labeling.reviews as reviews on reviews.seq = newest.seq
where struck.row_id is null
order by candidates.row_id

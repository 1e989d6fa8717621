-- By request what made generated rows, how many: candidates, those that came in files among them, and rows admitted earlier.
select
    requests.request_id as request_id,
    requests.generator_family as generator_family,
    requests.generator_digest as generator_digest,
    requests.prompt_sha256 as prompt_sha256,
    requests.parent_ids as parent_ids,
    candidates.made as made
from generation.requests as requests
inner join (
    select request_id, count(*) as made from generation.candidates group by request_id
) as candidates on candidates.request_id = requests.request_id
union all
select
    records.request_id as request_id,
    records.generator_family as generator_family,
    records.generator_digest as generator_digest,
    records.prompt_sha256 as prompt_sha256,
    records.parent_ids as parent_ids,
    count(distinct records.row_id) as made
from training.records as records
left join generation.candidates as candidates on candidates.row_id = records.row_id
left join provenance.erased as erased on erased.kind = 'candidate' and erased.item = records.row_id
left join provenance.erased as erased_requests
    on erased_requests.kind = 'request' and erased_requests.item = records.request_id
where candidates.row_id is null
  and erased.item is null
  and erased_requests.item is null
group by
    records.request_id,
    records.generator_family,
    records.generator_digest,
    records.prompt_sha256,
    records.parent_ids

-- Generated rows that were admitted once and are no candidates any more, each by its newest record; without erased ones.
select
    records.row_id as row_id,
    records.request_id as request_id,
    records.ordinal as ordinal,
    records.generator_id as generator_id,
    records.generator_family as generator_family,
    records.generator_digest as generator_digest,
    records.prompt_id as prompt_id,
    records.prompt_sha256 as prompt_sha256,
    records.seed as seed
from training.records as records
inner join (select max(seq) as seq from training.records group by row_id) as newest on newest.seq = records.seq
left join generation.candidates as candidates on candidates.row_id = records.row_id
left join (select item from provenance.erased where kind = 'candidate' group by item) as erased
    on erased.item = records.row_id
left join (select item from provenance.erased where kind = 'request' group by item) as erased_requests
    on erased_requests.item = records.request_id
where candidates.row_id is null
  and erased.item is null
  and erased_requests.item is null

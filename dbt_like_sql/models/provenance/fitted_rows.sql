-- The generated rows that a model of the family $family made, which was fitted to the exemplars.
select candidates.row_id as row_id
from generation.candidates as candidates
inner join generation.requests as requests on requests.request_id = candidates.request_id
where requests.generator_family = $family
union
select row_id from earlier where generator_family = $family

-- Candidates whose request has no record: rows that nobody could audit.
select candidates.row_id as row_id, candidates.request_id as request_id
from generation.candidates as candidates
left join generation.requests as requests on requests.request_id = candidates.request_id
where requests.request_id is null
order by candidates.row_id

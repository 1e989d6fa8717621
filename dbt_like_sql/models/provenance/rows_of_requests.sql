-- The generated rows of the requests that are sought, those of earlier generations among them.
select candidates.row_id as row_id
from sought_requests
inner join generation.candidates as candidates on candidates.request_id = sought_requests.request_id
union
select earlier.row_id as row_id
from sought_requests
inner join earlier on earlier.request_id = sought_requests.request_id

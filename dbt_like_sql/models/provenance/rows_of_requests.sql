-- The candidates of the requests that are sought.
select candidates.row_id as row_id
from sought_requests
inner join generation.candidates as candidates on candidates.request_id = sought_requests.request_id

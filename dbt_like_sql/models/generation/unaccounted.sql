-- Requests whose candidates do not add up: answered without a candidate, unanswered with one, or more than asked for.
select
    requests.request_id as request_id,
    min(requests.status) as status,
    min(requests.completions) as completions,
    count(candidates.row_id) as candidates
from generation.requests as requests
left join generation.candidates as candidates on candidates.request_id = requests.request_id
group by requests.request_id
having (min(requests.status) = 'answered' and count(candidates.row_id) = 0)
    or (min(requests.status) <> 'answered' and count(candidates.row_id) > 0)
    or count(candidates.row_id) > min(requests.completions)
order by request_id

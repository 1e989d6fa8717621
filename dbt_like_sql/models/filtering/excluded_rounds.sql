-- Rounds of which people excluded rows, with how many.
select requests.round as round, count(*) as n
from filtering.decisions as decisions
inner join generation.candidates as candidates on candidates.row_id = decisions.row_id
inner join generation.requests as requests on requests.request_id = candidates.request_id
where decisions.position < 0
  and not decisions.passed
group by requests.round
order by requests.round

-- Rows that passed every gate, with the round and the stratum that asked for them; none that came in files. $gates: how many gates there are.
select
    requests.round as round,
    requests.stratum as stratum,
    candidates.row_id as row_id
from generation.candidates as candidates
inner join generation.requests as requests on requests.request_id = candidates.request_id
inner join (
    select row_id
    from filtering.decisions
    where position >= 0
    group by row_id
    having sum(case when passed then 1 else 0 end) = $gates
) as passed_all on passed_all.row_id = candidates.row_id
where requests.round > 0
order by requests.round, requests.stratum, candidates.row_id

-- How many rows each gate saw and refused for which reason, round by round; one row without a reason if it refused none.
-- Gates of the profile alone: what people excluded is no reason of a gate.
with judged as (
    select
        requests.round as round,
        decisions.gate as gate,
        decisions.gate_version as gate_version,
        decisions.threshold as threshold,
        decisions.passed as passed,
        decisions.reason as reason
    from filtering.decisions as decisions
    inner join generation.candidates as candidates on candidates.row_id = decisions.row_id
    inner join generation.requests as requests on requests.request_id = candidates.request_id
    -- Rows that came in files are of round 0, and no batch to compare with.
    where decisions.position >= 0 and requests.round > 0
),

seen as (
    select round, gate, min(gate_version) as gate_version, min(threshold) as threshold, count(*) as seen
    from judged
    group by round, gate
),

refused as (
    select round, gate, reason, count(*) as refused
    from judged
    where not passed
    group by round, gate, reason
)

select
    seen.round as round,
    seen.gate as gate,
    seen.gate_version as gate_version,
    seen.threshold as threshold,
    refused.reason as reason,
    seen.seen as seen,
    coalesce(refused.refused, 0) as refused
from seen
left join refused on refused.round = seen.round and refused.gate = seen.gate
order by seen.round, seen.gate, refused.reason

-- How many rows each gate refused for which reason, in the gates' order, the commonest reason first.
select gate, reason, n
from (
    select position, gate, reason, count(*) as n
    from filtering.decisions
    where not passed
    group by position, gate, reason
) as counted
order by position, gate, n desc, reason

-- How many rows each gate saw, passed and rejected, in the gates' order.
select
    position,
    gate,
    count(*) as seen,
    cast(sum(case when passed then 1 else 0 end) as bigint) as passed,
    cast(sum(case when passed then 0 else 1 end) as bigint) as rejected
from filtering.decisions
group by position, gate
order by position, gate

-- As what each gate ran, and how many rows it saw and passed. `settings` is 1 where all its decisions agree.
select
    gate,
    min(position) as position,
    min(gate_version) as gate_version,
    min(threshold) as threshold,
    count(distinct position) * count(distinct gate_version) * greatest(count(distinct threshold), 1) as settings,
    count(*) as seen,
    cast(sum(case when passed then 1 else 0 end) as bigint) as passed
from filtering.decisions
group by gate
order by position

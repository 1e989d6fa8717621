-- How many planted, odd and real rows each gate was shown, and how many of them it refused.
select
    gate,
    gate_version,
    threshold,
    side,
    cast(sum(n) as bigint) as n,
    cast(sum(refused) as bigint) as refused
from filtering.gate_quality
group by gate, gate_version, threshold, side
order by gate, side

-- Generated rows and all rows, by arm and class.
select
    arm,
    label,
    cast(sum(case when origin = 'generated' then 1 else 0 end) as bigint) as generated,
    count(*) as total
from training.mixes
group by arm, label
order by arm, label

-- Of each mix the rows, those of them that were generated, and how far the deepest stands from a real row.
select
    mixed.arm,
    count(*) as rows,
    cast(sum(case when mixed.origin = 'generated' then 1 else 0 end) as bigint) as generated,
    max(candidates.depth) as greatest_depth
from training.mixes as mixed
left join generation.candidates as candidates on candidates.row_id = mixed.row_id
group by mixed.arm
order by mixed.arm

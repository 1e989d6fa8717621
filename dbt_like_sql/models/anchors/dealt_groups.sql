-- Every group with the one that leads those it is joined with, and its side: the one it had; else the one that the
-- joined groups touch, the most protected first; else by the leader's point, which is by chance whatever it leads.
with led as (
    select
        staged.groups.number,
        staged.groups.group_id,
        staged.groups.side,
        coalesce(staged.leaders.leader, staged.groups.number) as leader
    from staged.groups
    left join staged.leaders
        on staged.groups.number = staged.leaders.number
),

touched as (
    select
        leader,
        min(case when side = 'vault' then 1 when side = 'holdout' then 2 when side = 'train' then 3 else 4 end) as place
    from staged.touches
    group by leader
)

select
    led.number,
    led.group_id,
    led.leader,
    case
        when led.side is not null then led.side
        when touched.place = 1 then 'vault'
        when touched.place = 2 then 'holdout'
        when touched.place = 3 then 'train'
        when touched.place = 4 then 'exemplar'
        when staged.points.point < $exemplar then 'exemplar'
        when staged.points.point < $train then 'train'
        when staged.points.point < $holdout then 'holdout'
        else 'vault'
    end as side
from led
inner join staged.points
    on led.leader = staged.points.number
left join touched
    on led.leader = touched.leader

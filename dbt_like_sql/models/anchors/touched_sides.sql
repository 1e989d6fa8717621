-- The sides that joined groups touch already: by a group that was dealt out before, by a sealed row or near copy of
-- one, by a text that once lay open. One row a leader and side.
with led as (
    select
        staged.groups.group_id,
        staged.groups.side,
        coalesce(staged.leaders.leader, staged.groups.number) as leader
    from staged.groups
    left join staged.leaders
        on staged.groups.number = staged.leaders.number
),

placed as (
    select
        staged.rows.ref,
        staged.rows.text_hash,
        led.leader
    from staged.rows
    left join staged.known
        on staged.rows.row_id = staged.known.row_id
    inner join led
        on coalesce(staged.known.group_id, staged.rows.group_id) = led.group_id
)

select leader, side
from led
where side is not null
union
select placed.leader, 'vault' as side
from placed
inner join staged.kin
    on placed.ref = staged.kin.ref
union
select placed.leader, staged.past.side
from placed
inner join staged.past
    on placed.text_hash = staged.past.text_hash
where staged.past.split <> 'aside'

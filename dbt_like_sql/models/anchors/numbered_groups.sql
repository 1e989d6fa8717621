-- The groups on offer, numbered, each with its side if it has one. A row stays in the group it first came in.
select
    row_number() over (order by offered.group_id) as number,
    offered.group_id,
    sides.side
from (
    select distinct coalesce(staged.known.group_id, staged.rows.group_id) as group_id
    from staged.rows
    left join staged.known
        on staged.rows.row_id = staged.known.row_id
) as offered
left join (
    select group_id, min(side) as side
    from (
        select group_id, side
        from staged.known
        union
        select staged.rows.group_id, 'vault' as side
        from staged.rows
        inner join staged.kin
            on staged.rows.ref = staged.kin.ref
        where staged.kin.how = 'group'
    ) as seen
    group by group_id
) as sides
    on offered.group_id = sides.group_id

-- What this vintage changed among the open rows, against the vintage before: one row a change. Where it is the first
-- vintage, nothing.
with earlier as (
    select
        row_id,
        split,
        label,
        text_hash,
        source_group
    from staged.past
    where vintage < $vintage and (until is null or until >= $vintage)
),

now as (
    select
        staged.rows.row_id,
        staged.rows.group_id as source_group,
        staged.lying.split,
        staged.rows.label,
        staged.rows.text_hash
    from staged.rows
    inner join staged.lying
        on staged.rows.ref = staged.lying.ref
    where staged.lying.split <> 'vault'
),

found as (
    select 'added' as change, now.split, now.row_id
    from now
    left join earlier
        on now.row_id = earlier.row_id
    where earlier.row_id is null
    union all
    select 'removed' as change, earlier.split, earlier.row_id
    from earlier
    left join now
        on earlier.row_id = now.row_id
    where now.row_id is null
    union all
    select 'relabelled' as change, now.split, now.row_id
    from now
    inner join earlier
        on now.row_id = earlier.row_id
    where now.label <> earlier.label
    union all
    select 'reworded' as change, now.split, now.row_id
    from now
    inner join earlier
        on now.row_id = earlier.row_id
    where now.text_hash <> earlier.text_hash
    union all
    select 'regrouped' as change, now.split, now.row_id
    from now
    inner join earlier
        on now.row_id = earlier.row_id
    where now.source_group <> earlier.source_group
    union all
    select 'set_aside' as change, now.split, now.row_id
    from now
    left join earlier
        on now.row_id = earlier.row_id
    where now.split = 'aside' and coalesce(earlier.split, 'none') <> 'aside'
)

select
    $vintage as vintage,
    found.change,
    found.split,
    found.row_id,
    null as eval_row_digest
from found
cross join (select count(*) as n from staged.past where vintage < $vintage) as before
where before.n > 0

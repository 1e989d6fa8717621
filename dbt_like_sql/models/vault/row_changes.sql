-- What this vintage changes of sealed rows, against what the source said before: one row a change.
with now as (
    select
        offered_rows.row_id,
        offered_rows.label,
        offered_rows.group_id,
        offered_rows.text_hash
    from offered_rows
    inner join offered_lying
        on offered_rows.ref = offered_lying.ref
    where offered_lying.split = 'vault'
),

found as (
    select 'added' as change, now.row_id
    from now
    left join sealed.sources
        on now.row_id = sealed.sources.row_id
    where sealed.sources.row_id is null
    union all
    select 'removed' as change, sealed.sources.row_id
    from sealed.sources
    left join now
        on sealed.sources.row_id = now.row_id
    where sealed.sources.present and now.row_id is null
    union all
    select 'returned' as change, now.row_id
    from now
    inner join sealed.sources
        on now.row_id = sealed.sources.row_id
    where not sealed.sources.present
    union all
    select 'relabelled' as change, now.row_id
    from now
    inner join sealed.sources
        on now.row_id = sealed.sources.row_id
    where now.label <> sealed.sources.label
    union all
    select 'reworded' as change, now.row_id
    from now
    inner join sealed.sources
        on now.row_id = sealed.sources.row_id
    where now.text_hash <> sealed.sources.text_hash
    union all
    select 'regrouped' as change, now.row_id
    from now
    inner join sealed.sources
        on now.row_id = sealed.sources.row_id
    where now.group_id <> sealed.sources.group_id
)

select
    $vintage as vintage,
    change,
    row_id
from found

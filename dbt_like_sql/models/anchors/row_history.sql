-- Every version of every open row: those of earlier vintages, ended here where the source no longer has them so, and
-- the versions that are new.
with now as (
    select
        staged.rows.row_id,
        staged.lying.group_id,
        staged.rows.group_id as source_group,
        staged.lying.side,
        staged.lying.split,
        staged.rows.label,
        staged.rows.text_hash
    from staged.rows
    inner join staged.lying
        on staged.rows.ref = staged.lying.ref
    where staged.lying.split <> 'vault'
),

earlier as (
    select
        row_id,
        vintage,
        case when until < $vintage then until else null end as until,
        group_id,
        source_group,
        side,
        split,
        label,
        text_hash
    from staged.past
    where vintage < $vintage
)

select
    earlier.row_id,
    earlier.vintage,
    case
        when earlier.until is not null then earlier.until
        when now.row_id is null then $vintage
        else null
    end as until,
    earlier.group_id,
    earlier.source_group,
    earlier.side,
    earlier.split,
    earlier.label,
    earlier.text_hash
from earlier
left join now
    on
        earlier.row_id = now.row_id
        and earlier.split = now.split
        and earlier.label = now.label
        and earlier.source_group = now.source_group
        and earlier.text_hash = now.text_hash
        and earlier.until is null
union all
select
    now.row_id,
    $vintage as vintage,
    null as until,
    now.group_id,
    now.source_group,
    now.side,
    now.split,
    now.label,
    now.text_hash
from now
left join earlier
    on
        now.row_id = earlier.row_id
        and now.split = earlier.split
        and now.label = earlier.label
        and now.source_group = earlier.source_group
        and now.text_hash = earlier.text_hash
        and earlier.until is null
where earlier.row_id is null

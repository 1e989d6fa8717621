-- What the source says now of each sealed row; of one that it no longer has, what it said last.
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
)

select
    row_id,
    true as present,
    label,
    group_id,
    text_hash
from now
union all
select
    sealed.sources.row_id,
    false as present,
    sealed.sources.label,
    sealed.sources.group_id,
    sealed.sources.text_hash
from sealed.sources
left join now
    on sealed.sources.row_id = now.row_id
where now.row_id is null

-- All fingerprints after this sealing: of rows that are new, or offered with the text they were sealed with, as computed
-- now; of the others as they stood. Kinds that are not computed now stay as they are.
with renewed as (
    select offered_rows.row_id
    from offered_rows
    inner join offered_lying
        on offered_rows.ref = offered_lying.ref
    left join sealed.rows
        on offered_rows.row_id = sealed.rows.row_id
    where
        offered_lying.split = 'vault'
        and (sealed.rows.row_id is null or sealed.rows.text = offered_rows.text)
)

select
    offered_marks.row_id,
    offered_marks.kind,
    offered_marks.hash
from offered_marks
inner join renewed
    on offered_marks.row_id = renewed.row_id
union all
select
    sealed.fingerprints.row_id,
    sealed.fingerprints.kind,
    sealed.fingerprints.hash
from sealed.fingerprints
left join renewed
    on sealed.fingerprints.row_id = renewed.row_id
left join (select distinct kind from offered_marks) as kinds
    on sealed.fingerprints.kind = kinds.kind
where renewed.row_id is null or kinds.kind is null

-- Rows to seal that are not sealed yet; the state that they are sealed in is not known before all are in.
select
    offered_rows.row_id,
    offered_rows.text,
    offered_rows.label,
    offered_rows.group_id,
    '' as sealed_in
from offered_rows
inner join offered_lying
    on offered_rows.ref = offered_lying.ref
left join sealed.rows
    on offered_rows.row_id = sealed.rows.row_id
where offered_lying.split = 'vault' and sealed.rows.row_id is null

-- Texts on offer that may be new copies of sealed ones: of rows that are new, or have a new text, and are not sealed.
select
    offered_rows.text_hash,
    min(offered_rows.text) as text
from offered_rows
left join sealed.rows
    on offered_rows.row_id = sealed.rows.row_id
left join offered_known
    on
        offered_rows.row_id = offered_known.row_id
        and offered_rows.text_hash = offered_known.text_hash
        and offered_known.standing
where sealed.rows.row_id is null and offered_known.row_id is null
group by offered_rows.text_hash

-- All tags after this sealing: none is taken away. A row that is sealed already keeps those it was sealed with.
select
    row_id,
    slice
from sealed.tags
union
select
    offered_rows.row_id,
    offered_slices.slice
from offered_slices
inner join offered_rows
    on offered_slices.ref = offered_rows.ref
inner join offered_lying
    on offered_rows.ref = offered_lying.ref
where offered_lying.split = 'vault'

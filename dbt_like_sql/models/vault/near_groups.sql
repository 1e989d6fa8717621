-- Groups to seal with the sealed groups that they hold near copies of.
select distinct
    offered_lying.group_id,
    sealed.rows.group_id as other
from near_pairs
inner join offered_lying
    on near_pairs.ref = offered_lying.ref
inner join sealed.rows
    on near_pairs.row_id = sealed.rows.row_id
where offered_lying.split = 'vault' and offered_lying.group_id <> sealed.rows.group_id

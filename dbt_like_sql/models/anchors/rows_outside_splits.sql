-- Open rows in a split that may not be open.
select row_id, split
from anchors.rows
where split not in ('exemplar', 'train', 'holdout', 'aside')
order by row_id

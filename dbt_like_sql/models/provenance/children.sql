-- The generated rows whose prompt showed a row that is sought; reads earlier, the rows of earlier generations.
select candidates.row_id as row_id
from sought
inner join parentage on parentage.parent_id = sought.row_id
inner join generation.candidates as candidates on candidates.request_id = parentage.request_id
union
select earlier.row_id as row_id
from sought
inner join parentage on parentage.parent_id = sought.row_id
inner join earlier on earlier.request_id = parentage.request_id

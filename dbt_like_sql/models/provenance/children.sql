-- The candidates whose prompt showed a row that is sought.
select candidates.row_id as row_id
from sought
inner join parentage on parentage.parent_id = sought.row_id
inner join generation.candidates as candidates on candidates.request_id = parentage.request_id
group by candidates.row_id

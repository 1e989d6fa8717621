-- Rows that passed every gate. $gates: how many gates the profile has. What people excluded never met the first of them.
select row_id
from filtering.decisions
where position >= 0
group by row_id
having count(*) = $gates
   and sum(case when passed then 1 else 0 end) = $gates
order by row_id

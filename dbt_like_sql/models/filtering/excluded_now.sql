-- Candidates that were refused because people excluded them.
select row_id
from filtering.decisions
where position < 0
  and not passed
order by row_id

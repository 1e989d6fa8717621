-- How many lines of the file $file_digest are of which origin, and what became of them.
select
    origin,
    how,
    count(*) as lines,
    count(row_id) as taken_in,
    count(distinct row_id) as candidates
from provenance.inherited
where file_digest = $file_digest
group by origin, how
order by origin, how

-- The releases that hold rows that are sought, and how many of them.
select rows_out.version as version, rows_out.split as split, rows_out.origin as origin, count(*) as n
from release.rows as rows_out
inner join sought on sought.row_id = rows_out.row_id
group by rows_out.version, rows_out.split, rows_out.origin

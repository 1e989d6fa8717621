-- What the lines of inherited files were found to be.
select origin, count(distinct file_digest) as files, count(*) as n
from provenance.inherited
group by origin
order by origin

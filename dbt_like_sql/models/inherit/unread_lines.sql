-- Lines with a fault of which nothing could be given, in the columns of inherit_lines.
select distinct
    faulty.line,
    nullif('', '') as text,
    nullif('', '') as label,
    cast(null as bigint) as text_hash,
    cast(null as bigint) as row_hash,
    false as whole
from inherit_faulty as faulty
left join inherit_lines on inherit_lines.line = faulty.line
where inherit_lines.line is null

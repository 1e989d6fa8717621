-- The different texts of a foreign file, one writing of each.
select
    text_hash,
    min(text) as text
from inherit_lines
where text_hash is not null
group by text_hash

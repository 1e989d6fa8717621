-- Different rows that nothing is known of, each with its first line; only those with a label, and not taken in before.
with firsts as (
    select min(inherit_lines.line) as line
    from inherit_lines
    left join inherit_best on inherit_best.text_hash = inherit_lines.text_hash
    left join inherit_taken on inherit_taken.row_hash = inherit_lines.row_hash
    where
        inherit_lines.row_hash is not null
        and inherit_best.text_hash is null
        and inherit_taken.row_hash is null
    group by inherit_lines.row_hash
)

select
    inherit_lines.line,
    inherit_lines.label,
    inherit_lines.text
from inherit_lines
inner join firsts on firsts.line = inherit_lines.line

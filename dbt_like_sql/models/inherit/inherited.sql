-- Every line of the file $file_digest with what it was found to be. A line that is damaged or holds no text, and matches nothing, is unreadable.
select
    $file_digest as file_digest,
    inherit_lines.line,
    coalesce(inherit_best.origin, case when inherit_lines.whole then 'unknown' else 'unreadable' end) as origin,
    inherit_best.how,
    inherit_best.matched_row_id,
    inherit_best.eval_row_digest,
    inherit_best.score,
    case when inherit_best.text_hash is null then inherit_taken.row_id end as row_id
from inherit_lines
left join inherit_best on inherit_best.text_hash = inherit_lines.text_hash
left join inherit_taken on inherit_taken.row_hash = inherit_lines.row_hash
order by inherit_lines.line

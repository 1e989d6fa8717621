-- Texts of a foreign file that are open rows once more, with the first row by id.
select
    inherit_texts.text_hash,
    inherit_known.origin,
    min(inherit_known.row_id) as matched_row_id
from inherit_texts
inner join inherit_known on inherit_known.text_hash = inherit_texts.text_hash
group by inherit_texts.text_hash, inherit_known.origin

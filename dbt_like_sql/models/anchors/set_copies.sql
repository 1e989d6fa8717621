-- Texts of further evaluation sets that real rows have, too, whatever side these fall on.
select staged.set_texts.set_name, count(distinct staged.set_texts.text_hash) as texts
from staged.set_texts
inner join staged.rows on staged.rows.text_hash = staged.set_texts.text_hash
group by staged.set_texts.set_name
order by staged.set_texts.set_name

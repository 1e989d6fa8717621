-- Rows on offer that are sealed already (`sealed`), whose group is (`group`), or whose text is (`exact`).
select
    offered_rows.ref,
    'sealed' as how
from offered_rows
inner join sealed.rows
    on offered_rows.row_id = sealed.rows.row_id
union all
select
    offered_rows.ref,
    'group' as how
from offered_rows
inner join (select distinct group_id from sealed.rows) as sealed_groups
    on offered_rows.group_id = sealed_groups.group_id
union all
select
    offered_rows.ref,
    'exact' as how
from offered_rows
inner join (select distinct hash from sealed.fingerprints where kind = 'exact') as sealed_texts
    on offered_rows.text_hash = sealed_texts.hash

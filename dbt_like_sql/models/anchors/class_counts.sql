-- Rows by split and label, the vault's from its counts.
select split, label, count(*) as n
from anchors.rows
group by split, label
union all
select 'vault' as split, label, n
from anchors.vault_counts
order by split, label

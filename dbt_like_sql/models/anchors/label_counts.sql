-- Rows by label over all splits, the vault included.
select label, cast(sum(n) as bigint) as n
from (
    select label, count(*) as n from anchors.rows group by label
    union all
    select label, n from anchors.vault_counts
) as both_sides
group by label
order by label

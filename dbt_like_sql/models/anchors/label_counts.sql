-- Rows by label that the source holds, as it labels them now: those that lie open, and of the sealed ones those it has.
select label, cast(sum(n) as bigint) as n
from (
    select label, count(*) as n from anchors.rows group by label
    union all
    select label, in_source as n from anchors.vault_counts
) as both_sides
group by label
order by label

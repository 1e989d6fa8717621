-- Rows by label of this vintage's open splits, without those set aside.
select label, count(*) as n
from staged.open_rows
where split <> 'aside'
group by label
order by label

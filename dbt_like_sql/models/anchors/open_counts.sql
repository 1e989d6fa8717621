-- Rows by split and label of this vintage's open splits.
select split, label, count(*) as n
from staged.open_rows
group by split, label
order by split, label

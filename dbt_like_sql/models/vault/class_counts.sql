-- The sealed rows by label: how many, in how many groups, and the sum over groups of the squared numbers of rows.
select
    label,
    cast(sum(n) as bigint) as n,
    count(*) as groups,
    cast(sum(n * n) as bigint) as sum_of_squares
from (
    select label, group_id, count(*) as n
    from sealed.rows
    group by label, group_id
) as sized
group by label
order by label

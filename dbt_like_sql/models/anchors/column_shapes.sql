-- Columns that may tell whose rows belong together: how many rows have a value, how many values, rows of the commonest.
select
    column_name,
    cast(sum(n) as bigint) as filled,
    count(*) as distinct_values,
    max(n) as largest
from (
    select column_name, value, count(*) as n
    from staged.hints
    group by column_name, value
) as counted
group by column_name
order by column_name

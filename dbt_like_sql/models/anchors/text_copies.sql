-- Rows without a key whose text an earlier row has already: which occurrence of it each is, counted from 1.
select
    numbered.ref,
    numbered.key,
    numbered.occurrence
from (
    select
        staged.rows.ref,
        staged.rows.key,
        row_number() over (partition by staged.rows.key order by staged.rows.ref) as occurrence
    from staged.rows
    inner join (
        select key
        from staged.rows
        where not keyed
        group by key
        having count(*) > 1
    ) as repeated
        on staged.rows.key = repeated.key
    where not staged.rows.keyed
) as numbered
where numbered.occurrence > 1
order by numbered.ref

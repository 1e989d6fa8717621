-- Rows whose key an earlier row of the source has already: the place of each, and of the first.
select place, first_place
from (
    select
        ref as place,
        min(ref) over (partition by row_id) as first_place,
        row_number() over (partition by row_id order by ref) as occurrence
    from staged.rows
    where keyed
) as numbered
where occurrence > 1
order by place

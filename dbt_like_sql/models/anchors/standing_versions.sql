-- The vintage that the standing version of each open row is from.
select
    row_id,
    vintage
from staged.history
where until is null

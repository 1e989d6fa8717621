-- Every row that ever lay open, as its newest version up to this vintage has it. `standing`: it lies open still.
select
    row_id,
    group_id,
    side,
    split,
    text_hash,
    until is null as standing
from (
    select
        row_id,
        group_id,
        side,
        split,
        text_hash,
        until,
        row_number() over (partition by row_id order by vintage desc) as place
    from staged.past
    where vintage <= $vintage
) as versions
where place = 1

-- Rows that came to another outcome when they were judged again: refused or kept, at another gate or for another reason.
-- A row's outcome is that of the gate that refused it; a row that none refused is kept. `absent`: not judged at all.
with earlier as (
    select
        row_id,
        max(case when passed then null else gate end) as gate,
        max(case when passed then null else reason end) as reason
    from decisions_before
    group by row_id
),

later as (
    select
        row_id,
        max(case when passed then null else gate end) as gate,
        max(case when passed then null else reason end) as reason
    from decisions_after
    group by row_id
),

beside as (
    select
        coalesce(earlier.row_id, later.row_id) as row_id,
        case
            when earlier.row_id is null then 'absent'
            when earlier.gate is null then 'kept'
            else 'refused'
        end as was,
        earlier.gate as gate_before,
        earlier.reason as reason_before,
        case
            when later.row_id is null then 'absent'
            when later.gate is null then 'kept'
            else 'refused'
        end as became,
        later.gate as gate_after,
        later.reason as reason_after
    from earlier
    full outer join later on later.row_id = earlier.row_id
)

select row_id, was, gate_before, reason_before, became, gate_after, reason_after
from beside
where was <> became
   or coalesce(gate_before, '') <> coalesce(gate_after, '')
   or coalesce(reason_before, '') <> coalesce(reason_after, '')
order by row_id

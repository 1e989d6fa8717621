-- What each gate, as it was set, refused of all recorded batches but one, by reason. Takes that batch as $batch.
with newest as (
    select
        gate,
        gate_version,
        threshold,
        reason,
        seen,
        refused,
        row_number() over (
            partition by batch, gate, gate_version, coalesce(threshold, -1), reason
            order by seq desc
        ) as place
    from filtering.reason_rates
    where batch <> $batch
)

select
    gate,
    gate_version,
    threshold,
    reason,
    count(*) as batches,
    cast(sum(seen) as bigint) as seen,
    cast(sum(refused) as bigint) as refused
from newest
where place = 1
group by gate, gate_version, threshold, reason
order by gate, reason, gate_version, threshold

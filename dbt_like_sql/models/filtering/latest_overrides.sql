-- The newest override that rejudging recorded for each gate.
select
    overrides.gate as gate,
    overrides.threshold as threshold,
    overrides.card_threshold as card_threshold,
    overrides.reason as reason
from filtering.overrides as overrides
inner join (
    select gate, max(seq) as seq
    from filtering.overrides
    group by gate
) as newest on newest.seq = overrides.seq
order by overrides.gate

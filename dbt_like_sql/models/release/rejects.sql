-- One row a candidate that was turned away: by which stage and gate, why, and the nearest thing to proof. What is
-- struck is kin of a sealed row: that it was struck is told, and its text is not.
with struck as (
    select row_id
    from evaluation.leaks
    group by row_id
),

turned_away as (
    select
        decisions.row_id as row_id,
        'filtering' as stage,
        decisions.gate as gate,
        decisions.reason as reason,
        decisions.score as score,
        decisions.threshold as threshold,
        decisions.matched_row_id as matched_row_id
    from filtering.decisions as decisions
    where not decisions.passed
    union all
    select
        labels.row_id as row_id,
        case when struck.row_id is not null then 'evaluation' else 'labeling' end as stage,
        null as gate,
        case when struck.row_id is not null then 'leak' else 'label not confirmed' end as reason,
        null as score,
        null as threshold,
        null as matched_row_id
    from labeling.labels as labels
    left join struck on struck.row_id = labels.row_id
    where struck.row_id is not null or not labels.confirmed
)

select
    turned_away.row_id as row_id,
    case when struck.row_id is null then candidates.text end as text,
    candidates.requested_label as requested_label,
    turned_away.stage as stage,
    turned_away.gate as gate,
    turned_away.reason as reason,
    turned_away.score as score,
    turned_away.threshold as threshold,
    turned_away.matched_row_id as matched_row_id
from turned_away
inner join generation.candidates as candidates on candidates.row_id = turned_away.row_id
left join struck on struck.row_id = turned_away.row_id
order by turned_away.row_id

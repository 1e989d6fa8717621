-- Rows that stand twice in one arm, or are neither a train anchor nor a generated row with a confirmed label that is
-- not struck.
select mixes.arm as arm, mixes.row_id as row_id, min(mixes.origin) as origin, count(*) as copies
from training.mixes as mixes
left join (
    select row_id
    from anchors.rows
    where split = 'train'
    group by row_id
) as anchors on anchors.row_id = mixes.row_id and mixes.origin = 'real'
left join labeling.labels as labels
    on labels.row_id = mixes.row_id and labels.confirmed and labels.label = mixes.label and mixes.origin = 'generated'
left join (
    select row_id
    from evaluation.leaks
    group by row_id
) as leaks on leaks.row_id = mixes.row_id
group by mixes.arm, mixes.row_id
having count(*) > 1
    or (max(anchors.row_id) is null and max(labels.row_id) is null)
    or max(leaks.row_id) is not null
order by mixes.arm, mixes.row_id

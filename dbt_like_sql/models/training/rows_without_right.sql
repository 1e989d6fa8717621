-- Rows of a mix that are neither a train anchor nor a generated row with a confirmed label that is not struck.
select mixes.row_id as row_id, min(mixes.origin) as origin
from training.mixes as mixes
left join anchors.rows as anchors
    on anchors.row_id = mixes.row_id and anchors.split = 'train' and mixes.origin = 'real'
left join labeling.labels as labels
    on labels.row_id = mixes.row_id and labels.confirmed and labels.label = mixes.label and mixes.origin = 'generated'
left join evaluation.leaks as leaks on leaks.row_id = mixes.row_id
where (anchors.row_id is null and labels.row_id is null) or leaks.row_id is not null
group by mixes.row_id
order by mixes.row_id

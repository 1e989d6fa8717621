-- The rows of a release: generated rows whose label is confirmed and that no leak detector struck, under that label;
-- and the train anchors. $include_anchors: whether the card wants them.
select
    candidates.row_id as row_id,
    candidates.text as text,
    labels.label as label,
    'train' as split,
    'generated' as origin
from generation.candidates as candidates
inner join labeling.labels as labels on labels.row_id = candidates.row_id and labels.confirmed
left join (select row_id from evaluation.leaks group by row_id) as struck on struck.row_id = candidates.row_id
where struck.row_id is null
union all
select
    anchors.row_id as row_id,
    anchors.text as text,
    anchors.label as label,
    'train' as split,
    'real' as origin
from anchors.rows as anchors
where anchors.split = 'train' and $include_anchors
order by row_id

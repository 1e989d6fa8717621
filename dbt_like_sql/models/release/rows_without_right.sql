-- Rows of release $version that stand there twice, or are neither a train anchor nor a confirmed, unstruck generated row.
select rows_out.row_id as row_id, count(*) as copies
from release.rows as rows_out
left join anchors.rows as anchors
    on anchors.row_id = rows_out.row_id and anchors.split = 'train' and rows_out.origin = 'real'
left join labeling.labels as labels
    on labels.row_id = rows_out.row_id and labels.confirmed and labels.label = rows_out.label
    and rows_out.origin = 'generated'
left join (select row_id from evaluation.leaks group by row_id) as leaks on leaks.row_id = rows_out.row_id
where rows_out.version = $version
group by rows_out.row_id
having count(*) > 1
    or (max(anchors.row_id) is null and max(labels.row_id) is null)
    or max(leaks.row_id) is not null
order by row_id

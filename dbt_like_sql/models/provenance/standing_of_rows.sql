-- What became of each row that is sought: an anchor stands in its split; a candidate is released, kept or rejected.
select
    sought.row_id as row_id,
    case when candidates.row_id is null then 'real' else 'generated' end as origin,
    case
        when anchors.split is not null then anchors.split
        when released.split is not null then released.split
        when labels.row_id is not null then 'kept, in no release'
        else 'rejected'
    end as split
from sought
left join generation.candidates as candidates on candidates.row_id = sought.row_id
left join (select row_id, max(split) as split from anchors.rows group by row_id) as anchors
    on anchors.row_id = sought.row_id
left join (select row_id, max(split) as split from release.rows group by row_id) as released
    on released.row_id = sought.row_id
left join labeling.labels as labels on labels.row_id = sought.row_id

-- What became of each row that is sought: an anchor stands in its split; a generated row where the stages have come with it.
select
    sought.row_id as row_id,
    case when candidates.row_id is null and earlier.row_id is null then 'real' else 'generated' end as origin,
    case
        when earlier.row_id is not null then 'of an earlier generation'
        when anchors.split is not null then anchors.split
        when candidates.row_id is null then 'no anchor any more'
        when struck.row_id is not null then 'struck'
        when decided.row_id is null then 'not judged yet'
        when decided.refusals > 0 then 'rejected'
        when released.split is not null then released.split
        when labels.row_id is null then 'kept, not labeled yet'
        when not labels.confirmed then 'label not confirmed'
        else 'kept, in no release'
    end as split
from sought
left join generation.candidates as candidates on candidates.row_id = sought.row_id
left join earlier on earlier.row_id = sought.row_id
left join (select row_id, max(split) as split from anchors.rows group by row_id) as anchors
    on anchors.row_id = sought.row_id
left join (select row_id from evaluation.leaks group by row_id) as struck on struck.row_id = sought.row_id
left join (
    select row_id, sum(case when passed then 0 else 1 end) as refusals from filtering.decisions group by row_id
) as decided on decided.row_id = sought.row_id
left join (select row_id, max(split) as split from release.rows group by row_id) as released
    on released.row_id = sought.row_id
left join labeling.labels as labels on labels.row_id = sought.row_id

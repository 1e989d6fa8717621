-- How many rows went from one part of the lifecycle to another, as the tables of the part that took them tell.
select 'anchors' as tail, 'vault' as head, cast(sum(n) as bigint) as n from anchors.vault_counts
union all
select 'anchors', 'purpose', cast(sum(counted) as bigint) from purpose.gaps
union all
select 'anchors', 'generation', count(*) from anchors.rows where split = 'exemplar'
union all
select 'purpose', 'generation', cast(sum(missing) as bigint) from purpose.gaps
union all
select 'inherited', 'generation', count(distinct inherited.row_id)
from provenance.inherited as inherited
join generation.candidates as candidates on candidates.row_id = inherited.row_id
where inherited.origin = 'unknown'
union all
select 'generation', 'filtering', count(distinct row_id) from filtering.decisions
union all
select 'filtering', 'refused', count(distinct row_id) from filtering.decisions where not passed
union all
select 'filtering', 'labeling', count(*) from labeling.labels
union all
select 'anchors', 'labeling', count(*) from anchors.rows where split = 'train'
union all
select 'labeling', 'unconfirmed', count(*) from labeling.labels where not confirmed
union all
select 'labeling', 'evaluation', count(*) from labeling.labels where confirmed
union all
select 'generation', 'evaluation', cast(max(rows_seen) as bigint) from evaluation.detectors
union all
select 'evaluation', 'struck', count(distinct row_id) from evaluation.leaks
union all
select 'anchors', 'training', count(distinct row_id) from training.mixes where origin = 'real'
union all
select 'evaluation', 'training', count(distinct row_id) from training.mixes where origin = 'generated'

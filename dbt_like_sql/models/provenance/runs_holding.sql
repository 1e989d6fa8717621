-- The training runs whose mix held rows that are sought, and how many of them.
select
    runs.mix_id as mix_id,
    runs.arm as arm,
    runs.model_digest as model_digest,
    runs.run_id as run_id,
    runs.origin as origin,
    count(*) as n
from training.runs as runs
inner join sought on sought.row_id = runs.row_id
group by runs.mix_id, runs.arm, runs.model_digest, runs.run_id, runs.origin

-- How many real and generated rows are in each mix of the newest training.
select arm, mix_id, model_digest, registry_state,
    cast(sum(case when origin = 'real' then 1 else 0 end) as bigint) as real_rows,
    cast(sum(case when origin = 'generated' then 1 else 0 end) as bigint) as generated_rows
from training.mixes
group by arm, mix_id, model_digest, registry_state
order by arm, mix_id

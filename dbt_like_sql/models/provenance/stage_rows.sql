-- How many rows a stage holds ready for the next one, as its own tables tell, whether they were taken or not.
select 'purpose' as stage, cast(sum(missing) as bigint) as n from purpose.gaps
union all
select 'generation', count(*) from generation.candidates
union all
select 'filtering', count(*) from (
    select row_id from filtering.decisions group by row_id having sum(case when passed then 0 else 1 end) = 0
)
union all
select 'labeling', count(*) from labeling.labels where confirmed

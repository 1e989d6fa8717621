-- Gates at which rows went missing, came from nowhere or were judged twice; no row where all are conserved.
-- Due at the first gate is every candidate, at a later one every row that passed the gate before it. The first gate of
-- the profile stands at 0; where people excluded rows, the gate that refuses these stands before it.
with due as (
    select first_step.position as position, candidates.row_id as row_id
    from generation.candidates as candidates
    cross join (select least(coalesce(min(position), 0), 0) as position from filtering.decisions) as first_step
    union all
    select distinct position + 1 as position, row_id
    from filtering.decisions
    where passed
),

judged as (
    select position, row_id, count(*) as times
    from filtering.decisions
    group by position, row_id
),

steps as (
    select position, min(gate) as gate, count(distinct gate) as gates
    from filtering.decisions
    group by position
),

compared as (
    select
        coalesce(due.position, judged.position) as position,
        count(due.row_id) as due,
        count(judged.row_id) as seen,
        cast(sum(case when judged.row_id is null then 1 else 0 end) as bigint) as missing,
        cast(sum(case when due.row_id is null then 1 else 0 end) as bigint) as strangers,
        cast(sum(case when judged.times > 1 then 1 else 0 end) as bigint) as judged_twice
    from due
    full outer join judged
        on judged.position = due.position and judged.row_id = due.row_id
    group by coalesce(due.position, judged.position)
)

-- Rows that passed the last gate are due at none: positions without a gate count only before a later gate, and
-- at the first position.
select
    compared.position as position,
    coalesce(steps.gate, 'none') as gate,
    compared.due as due,
    compared.seen as seen,
    compared.missing as missing,
    compared.strangers as strangers,
    compared.judged_twice as judged_twice
from compared
left join steps on steps.position = compared.position
cross join (select coalesce(max(position), 0) as position from filtering.decisions) as last_step
where compared.position <= last_step.position
  and (
      compared.missing > 0
      or compared.strangers > 0
      or compared.judged_twice > 0
      or coalesce(steps.gates, 1) > 1
  )
order by compared.position

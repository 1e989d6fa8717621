-- How much of each value went into each gate and came out, with and without the label; weights in millionths of a row.
with flow as (
    select
        decisions.position as position,
        decisions.gate as gate,
        traits.attribute as attribute,
        traits.value as value,
        traits.label as label,
        cast(sum(traits.weight) as bigint) as before,
        cast(sum(case when decisions.passed then traits.weight else 0 end) as bigint) as after
    from filtering.decisions as decisions
    inner join filtering.traits as traits on traits.row_id = decisions.row_id
    group by decisions.position, decisions.gate, traits.attribute, traits.value, traits.label
),

valued as (
    select
        position, gate, attribute, value, cast(sum(before) as bigint) as before, cast(sum(after) as bigint) as after
    from flow
    group by position, gate, attribute, value
),

stated as (
    select position, attribute, cast(sum(before) as bigint) as before, cast(sum(after) as bigint) as after
    from valued
    group by position, attribute
)

select
    valued.position as position,
    valued.gate as gate,
    valued.attribute as attribute,
    valued.value as value,
    nullif('', '') as label,
    valued.before as before,
    stated.before as of_before,
    valued.after as after,
    stated.after as of_after
from valued
inner join stated on stated.position = valued.position and stated.attribute = valued.attribute
union all
select
    flow.position as position,
    flow.gate as gate,
    flow.attribute as attribute,
    flow.value as value,
    flow.label as label,
    flow.before as before,
    valued.before as of_before,
    flow.after as after,
    valued.after as of_after
from flow
inner join valued
    on
        valued.position = flow.position
        and valued.attribute = flow.attribute
        and valued.value = flow.value
where flow.attribute <> 'label'

-- How much of each value there is among rows, with and without the label; weights in millionths of a row.
with counted as (
    select attribute, value, label, cast(sum(weight) as bigint) as weight
    from filtering.traits
    group by attribute, value, label
),

valued as (
    select attribute, value, cast(sum(weight) as bigint) as weight
    from counted
    group by attribute, value
),

stated as (
    select attribute, cast(sum(weight) as bigint) as weight
    from valued
    group by attribute
)

select
    valued.attribute as attribute,
    valued.value as value,
    nullif('', '') as label,
    valued.weight as weight,
    stated.weight as of_weight
from valued
inner join stated on stated.attribute = valued.attribute
union all
select
    counted.attribute as attribute,
    counted.value as value,
    counted.label as label,
    counted.weight as weight,
    valued.weight as of_weight
from counted
inner join valued on valued.attribute = counted.attribute and valued.value = counted.value
where counted.attribute <> 'label'

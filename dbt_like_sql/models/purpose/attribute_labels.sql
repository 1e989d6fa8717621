-- How many open anchors of each value of an attribute bear each label; a label that none of them bears counts 0.
select pairs.attribute, pairs.value, pairs.label, coalesce(counted.n, 0) as n, pairs.total
from (
    select valued.attribute, valued.value, labels.label, valued.total
    from (
        select attribute, value, count(*) as total
        from anchors.attributes
        group by attribute, value
    ) as valued
    cross join (select distinct label from anchors.rows) as labels
) as pairs
left join (
    select attributes.attribute, attributes.value, anchors.label, count(*) as n
    from anchors.attributes as attributes
    join anchors.rows as anchors on anchors.row_id = attributes.row_id
    group by attributes.attribute, attributes.value, anchors.label
) as counted
    on counted.attribute = pairs.attribute and counted.value = pairs.value and counted.label = pairs.label
order by pairs.attribute, pairs.value, pairs.label

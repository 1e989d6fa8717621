-- How many open anchors bear each value of an attribute, of those that state the attribute at all.
select counted.attribute, counted.value, counted.n, stated.total
from (
    select attribute, value, count(*) as n
    from anchors.attributes
    group by attribute, value
) as counted
join (
    select attribute, count(*) as total
    from anchors.attributes
    group by attribute
) as stated on stated.attribute = counted.attribute
order by counted.attribute, counted.value

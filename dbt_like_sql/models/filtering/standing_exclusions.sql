-- What people took out of the versions to come and did not take back: the newest record of each kind and item.
select
    exclusions.seq as seq,
    exclusions.kind as kind,
    exclusions.item as item,
    exclusions.reason as reason
from filtering.exclusions as exclusions
inner join (
    select kind, item, max(seq) as seq
    from filtering.exclusions
    group by kind, item
) as newest on newest.seq = exclusions.seq
where not exclusions.withdrawn
order by exclusions.seq

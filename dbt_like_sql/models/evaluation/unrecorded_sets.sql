-- Synthetic sets of which it is not on record what generated them: nothing shows that they share no maker with a candidate.
select sets.set_name as set_name, 'unrecorded' as kind, needed.kind as item, cast(0 as bigint) as made
from anchors.evaluation_sets as sets
cross join (
    select 'generator_family' as kind
    union all
    select 'generator' as kind
    union all
    select 'prompt' as kind
) as needed
left join anchors.set_lineage as lineage on lineage.set_name = sets.set_name and lineage.kind = needed.kind
where sets.origin = 'synthetic' and lineage.item is null

-- What a synthetic set shares with the makers of generated rows: family, generator, prompt, parent; or a row of it was shown to one.
-- An unknown family shares with nothing but itself: its digests and prompts are stand-ins. $unknown, $fitted: families.
select shared.set_name as set_name, shared.kind as kind, shared.item as item, cast(max(shared.made) as bigint) as made
from (
    select lineage.set_name as set_name, lineage.kind as kind, lineage.item as item, sum(makers.made) as made
    from anchors.set_lineage as lineage
    inner join makers on makers.generator_family = lineage.item
    where lineage.kind = 'generator_family'
    group by lineage.set_name, lineage.kind, lineage.item
    union all
    select lineage.set_name as set_name, lineage.kind as kind, lineage.item as item, sum(makers.made) as made
    from anchors.set_lineage as lineage
    inner join makers on makers.generator_digest = lineage.item
    where lineage.kind = 'generator' and makers.generator_family <> $unknown
    group by lineage.set_name, lineage.kind, lineage.item
    union all
    select lineage.set_name as set_name, lineage.kind as kind, lineage.item as item, sum(makers.made) as made
    from anchors.set_lineage as lineage
    inner join makers on makers.prompt_sha256 = lineage.item
    where lineage.kind = 'prompt' and makers.generator_family <> $unknown
    group by lineage.set_name, lineage.kind, lineage.item
    union all
    select lineage.set_name as set_name, lineage.kind as kind, lineage.item as item, sum(makers.made) as made
    from anchors.set_lineage as lineage
    inner join (select request_id, parent_id from parentage group by request_id, parent_id) as parents
        on parents.parent_id = lineage.item
    inner join makers on makers.request_id = parents.request_id
    where lineage.kind in ('parent', 'row')
    group by lineage.set_name, lineage.kind, lineage.item
    union all
    select lineage.set_name as set_name, lineage.kind as kind, lineage.item as item, sum(makers.made) as made
    from anchors.set_lineage as lineage
    inner join exemplars on exemplars.row_id = lineage.item
    inner join makers on makers.generator_family = $fitted
    where lineage.kind in ('parent', 'row')
    group by lineage.set_name, lineage.kind, lineage.item
) as shared
group by shared.set_name, shared.kind, shared.item

-- What a synthetic set shares with the makers of generated rows: family, generator, prompt, parent; or a row of it was shown to one.
-- An unknown family shares with nothing but itself: its digests and prompts are stand-ins. $unknown, $fitted: families.
with made_by as (
    select 'generator_family' as kind, generator_family as item, made
    from makers
    union all
    select 'generator' as kind, generator_digest as item, made
    from makers
    where generator_family <> $unknown
    union all
    select 'prompt' as kind, prompt_sha256 as item, made
    from makers
    where generator_family <> $unknown
),

shown_to as (
    select parents.parent_id as row_id, makers.made
    from (select request_id, parent_id from parentage group by request_id, parent_id) as parents
    inner join makers on makers.request_id = parents.request_id
),

-- A fitted model was shown every exemplar.
fitted_to as (
    select exemplars.row_id, makers.made
    from exemplars
    cross join makers
    where makers.generator_family = $fitted
),

shared as (
    select lineage.set_name, lineage.kind, lineage.item, sum(made_by.made) as made
    from anchors.set_lineage as lineage
    inner join made_by on made_by.kind = lineage.kind and made_by.item = lineage.item
    group by lineage.set_name, lineage.kind, lineage.item
    union all
    select lineage.set_name, lineage.kind, lineage.item, sum(shown_to.made) as made
    from anchors.set_lineage as lineage
    inner join shown_to on shown_to.row_id = lineage.item
    where lineage.kind in ('parent', 'row')
    group by lineage.set_name, lineage.kind, lineage.item
    union all
    select lineage.set_name, lineage.kind, lineage.item, sum(fitted_to.made) as made
    from anchors.set_lineage as lineage
    inner join fitted_to on fitted_to.row_id = lineage.item
    where lineage.kind in ('parent', 'row')
    group by lineage.set_name, lineage.kind, lineage.item
)

select set_name, kind, item, cast(max(made) as bigint) as made
from shared
group by set_name, kind, item

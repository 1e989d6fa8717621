-- Generated rows, candidates or admitted earlier, that a synthetic set holds or descends from.
select lineage.set_name as set_name, lineage.kind as kind, lineage.item as item, cast(1 as bigint) as made
from anchors.set_lineage as lineage
inner join (
    select row_id from generation.candidates
    union
    select row_id from training.records
) as generated on generated.row_id = lineage.item
where lineage.kind in ('parent', 'row')
group by lineage.set_name, lineage.kind, lineage.item

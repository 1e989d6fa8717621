-- Rows and groups: those the source held, those that lie open, those that were sealed. One row.
select
    max(sources.rows) as source_rows,
    max(sources.groups) as source_groups,
    max(sources.sealed_rows) as sealed_rows,
    max(sources.sealed_groups) as sealed_groups,
    max(open_rows.n) as open_rows,
    max(open_rows.groups) as open_groups
from anchors.sources as sources
cross join (select count(*) as n, count(distinct group_id) as groups from anchors.rows) as open_rows

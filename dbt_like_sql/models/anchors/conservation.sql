-- Rows and groups: those the source held, those that lie open, those that were sealed. One row.
-- `open_ids`: open rows by id and vintage, as many as open rows if none repeats.
select
    max(sources.rows) as source_rows,
    max(sources.groups) as source_groups,
    max(sources.sealed_rows) as sealed_rows,
    max(sources.sealed_groups) as sealed_groups,
    max(open_rows.n) as open_rows,
    max(open_rows.groups) as open_groups,
    max(open_ids.n) as open_ids
from anchors.sources as sources
cross join (select count(*) as n, count(distinct group_id) as groups from anchors.rows) as open_rows
cross join (select count(*) as n from (select distinct row_id, vintage from anchors.rows) as versions) as open_ids

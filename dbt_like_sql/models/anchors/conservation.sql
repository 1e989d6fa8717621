-- Rows and groups of the newest vintage: those the source held, those that lie open, those that were sealed. One row.
-- `open_ids`: open rows by id, as many as open rows if none repeats. `open_groups`: groups that were not sealed.
select
    max(sources.rows) as source_rows,
    max(sources.groups) as source_groups,
    max(sources.sealed_rows) as sealed_rows,
    max(sources.sealed_groups) as sealed_groups,
    max(open_rows.n) as open_rows,
    max(open_groups.n) as open_groups,
    max(open_ids.n) as open_ids
from anchors.sources as sources
inner join (select max(vintage) as vintage from anchors.sources) as newest
    on sources.vintage = newest.vintage
cross join (select count(*) as n from anchors.rows) as open_rows
cross join (
    select count(distinct anchors.rows.group_id) as n
    from anchors.rows
    left join (select distinct group_id from anchors.history where side = 'vault') as sealed_groups
        on anchors.rows.group_id = sealed_groups.group_id
    where sealed_groups.group_id is null
) as open_groups
cross join (select count(distinct row_id) as n from anchors.rows) as open_ids

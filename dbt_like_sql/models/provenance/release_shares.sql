-- Of the release $version the rows, those of them that were generated, and how far the deepest stands from a real row.
select
    count(*) as rows,
    cast(coalesce(sum(case when released.origin = 'generated' then 1 else 0 end), 0) as bigint) as generated,
    max(candidates.depth) as greatest_depth
from release.rows as released
left join generation.candidates as candidates on candidates.row_id = released.row_id
where released.version = $version

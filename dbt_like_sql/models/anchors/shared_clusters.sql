-- Groups that share a text, or near copies of one: every cluster of texts that more than one group holds, by group.
with members as (
    select distinct
        staged.groups.number,
        coalesce(staged.clusters.cluster, staged.rows.text_hash) as cluster
    from staged.rows
    left join staged.known
        on staged.rows.row_id = staged.known.row_id
    inner join staged.groups
        on coalesce(staged.known.group_id, staged.rows.group_id) = staged.groups.group_id
    left join staged.clusters
        on staged.rows.text_hash = staged.clusters.text_hash
),

shared as (
    select cluster
    from members
    group by cluster
    having count(*) > 1
)

select
    members.number,
    members.cluster
from members
inner join shared
    on members.cluster = shared.cluster
order by members.cluster, members.number

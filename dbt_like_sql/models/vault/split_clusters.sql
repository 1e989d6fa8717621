-- Rows on offer that lie open although a near copy of theirs is to be sealed: one row a row. At a first sealing no cluster
-- of near copies stands on two sides.
with clustered as (
    select
        offered_rows.ref,
        offered_lying.split,
        coalesce(offered_clusters.cluster, offered_rows.text_hash) as cluster
    from offered_rows
    inner join offered_lying
        on offered_rows.ref = offered_lying.ref
    left join offered_clusters
        on offered_rows.text_hash = offered_clusters.text_hash
)

select distinct clustered.ref
from clustered
inner join (select distinct cluster from clustered where split = 'vault') as sealed_clusters
    on clustered.cluster = sealed_clusters.cluster
where clustered.split <> 'vault' and clustered.split <> 'aside'

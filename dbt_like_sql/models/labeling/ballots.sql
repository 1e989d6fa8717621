-- Kept rows without exactly one vote a judge and one label, and labelled rows that were not kept.
-- $gates: gates in the profile; $judges: judges in the card.
select
    coalesce(kept.row_id, votes.row_id, labels.row_id) as row_id,
    coalesce(votes.votes, 0) as votes,
    coalesce(labels.labels, 0) as labels
from (
    select row_id
    from filtering.decisions
    where position >= 0
    group by row_id
    having sum(case when passed then 1 else 0 end) = $gates
) as kept
full outer join (
    select row_id, count(*) as votes, count(distinct judge) as judges
    from labeling.votes
    group by row_id
) as votes on votes.row_id = kept.row_id
full outer join (
    select row_id, count(*) as labels
    from labeling.labels
    group by row_id
) as labels on labels.row_id = coalesce(kept.row_id, votes.row_id)
where kept.row_id is null
   or coalesce(votes.votes, 0) <> $judges
   or coalesce(votes.judges, 0) <> $judges
   or coalesce(labels.labels, 0) <> 1
order by row_id

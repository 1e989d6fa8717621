-- Pairs of groups that hold copies of each other: groups to seal with those that lead what they are joined with, and
-- sealed groups with an equal text; beside those that were known.
select distinct
    joined.group_id,
    leaders.group_id as other
from offered_lying
inner join offered_dealt as joined
    on offered_lying.group_id = joined.group_id
inner join offered_dealt as leaders
    on joined.leader = leaders.number
where offered_lying.split = 'vault' and joined.leader <> joined.number
union
select
    sealed.rows.group_id,
    firsts.other
from sealed.fingerprints
inner join sealed.rows
    on sealed.fingerprints.row_id = sealed.rows.row_id
inner join (
    select sealed.fingerprints.hash, min(sealed.rows.group_id) as other
    from sealed.fingerprints
    inner join sealed.rows
        on sealed.fingerprints.row_id = sealed.rows.row_id
    where sealed.fingerprints.kind = 'exact'
    group by sealed.fingerprints.hash
    having count(distinct sealed.rows.group_id) > 1
) as firsts
    on sealed.fingerprints.hash = firsts.hash
where sealed.fingerprints.kind = 'exact' and sealed.rows.group_id <> firsts.other
union
select group_id, other
from sealed.joins

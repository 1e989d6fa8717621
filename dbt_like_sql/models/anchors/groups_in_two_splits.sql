-- Groups whose rows stand in more than one open split; those set aside stand in none.
select group_id, count(distinct split) as splits
from anchors.rows
where split <> 'aside'
group by group_id
having count(distinct split) > 1
order by group_id

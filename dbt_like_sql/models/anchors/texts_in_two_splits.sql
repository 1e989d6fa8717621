-- Texts, by their hash, that stand in more than one open split; those set aside stand in none.
select text_hash, count(distinct split) as splits
from anchors.history
where until is null and split <> 'aside'
group by text_hash
having count(distinct split) > 1
order by text_hash

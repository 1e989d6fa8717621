-- The fingerprints of the rows to seal: the hash of the text, and of its shingles.
with to_seal as (
    select
        offered_rows.ref,
        offered_rows.row_id,
        offered_rows.text_hash
    from offered_rows
    inner join offered_lying
        on offered_rows.ref = offered_lying.ref
    where offered_lying.split = 'vault'
)

select
    to_seal.row_id,
    'exact' as kind,
    to_seal.text_hash as hash
from to_seal
union all
select distinct
    to_seal.row_id,
    'shingle' as kind,
    offered_shingles.hash
from to_seal
inner join offered_shingles
    on to_seal.text_hash = offered_shingles.text_hash

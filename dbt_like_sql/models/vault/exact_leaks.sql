-- Candidates whose normalized text has the hash of a sealed row's. One row a pair.
select distinct
    candidates.row_id,
    fingerprints.row_id as sealed_row_id,
    cast(1 as bigint) as shared,
    cast(1 as bigint) as of_hashes
from candidates
inner join sealed.fingerprints as fingerprints
    on candidates.hash = fingerprints.hash
where fingerprints.kind = 'exact'

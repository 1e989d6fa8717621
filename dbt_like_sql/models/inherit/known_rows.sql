-- Open rows that lines of foreign files are held against: anchors and candidates, but for those of unknown origin.
select distinct
    row_id,
    'real' as origin,
    text
from anchors.rows
union all
select
    candidates.row_id as row_id,
    'synthetic' as origin,
    candidates.text as text
from generation.candidates as candidates
inner join generation.requests as requests on requests.request_id = candidates.request_id
where requests.generator_family <> 'unknown'

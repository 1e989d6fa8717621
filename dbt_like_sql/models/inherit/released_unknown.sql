-- Generated rows of release $version of which nobody knows who made them, each with a file that it came in.
select
    rows_out.row_id as row_id,
    min(files.file_name) as file_name
from release.rows as rows_out
inner join generation.candidates as candidates on candidates.row_id = rows_out.row_id
inner join generation.requests as requests on requests.request_id = candidates.request_id
left join provenance.inherited as inherited on inherited.row_id = rows_out.row_id
left join provenance.inherited_files as files on files.file_digest = inherited.file_digest
where
    rows_out.version = $version
    and rows_out.origin = 'generated'
    and requests.generator_family = 'unknown'
group by rows_out.row_id
order by rows_out.row_id

-- Candidates of which nobody knows who made them, once for each file that they came in.
select
    inherited.row_id as row_id,
    files.file_name as file_name,
    files.file_digest as file_digest
from provenance.inherited as inherited
inner join provenance.inherited_files as files on files.file_digest = inherited.file_digest
where inherited.row_id is not null
group by inherited.row_id, files.file_name, files.file_digest

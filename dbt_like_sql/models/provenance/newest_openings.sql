-- The newest opening of the vault by each stage, grant and operation.
select numbered.stage, numbered.grant_name, numbered.operation, numbered.n
from (
    select stage, grant_name, operation, rows as n,
        row_number() over (partition by stage, grant_name, operation order by seq desc) as place
    from provenance.openings
) as numbered
where numbered.place = 1
order by numbered.stage, numbered.grant_name, numbered.operation

-- The sealed rows by label: how many, in how many groups that hold no copies of each other, the sum over those of the
-- squared numbers of rows; and how many rows of that label the source still has among the sealed ones.
select
    label,
    cast(sum(n) as bigint) as n,
    cast(sum(groups) as bigint) as groups,
    cast(sum(sum_of_squares) as bigint) as sum_of_squares,
    cast(sum(in_source) as bigint) as in_source
from (
    select
        label,
        sum(n) as n,
        count(*) as groups,
        sum(n * n) as sum_of_squares,
        0 as in_source
    from (
        select
            sealed.rows.label,
            coalesce(units.unit, sealed.rows.group_id) as unit,
            count(*) as n
        from sealed.rows
        left join units
            on sealed.rows.group_id = units.group_id
        group by sealed.rows.label, coalesce(units.unit, sealed.rows.group_id)
    ) as sized
    group by label
    union all
    select
        sealed.sources.label,
        0 as n,
        0 as groups,
        0 as sum_of_squares,
        count(*) as in_source
    from sealed.sources
    where sealed.sources.present
    group by sealed.sources.label
) as both_counts
group by label
order by label

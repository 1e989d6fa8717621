-- What each round asked for, got and kept, by stratum; rows that came in files are of none. $gates: how many gates the profile has.
select
    asked.round as round,
    asked.stratum as stratum,
    asked.asked as asked,
    asked.held_back as held_back,
    cast(coalesce(got.answered, 0) as bigint) as answered,
    cast(coalesce(got.kept, 0) as bigint) as kept
from (
    select
        round,
        stratum,
        cast(sum(completions) as bigint) as asked,
        cast(sum(case when status = 'held_back' then completions else 0 end) as bigint) as held_back
    from generation.requests
    where round > 0
    group by round, stratum
) as asked
left join (
    select
        requests.round as round,
        requests.stratum as stratum,
        count(*) as answered,
        count(passed_all.row_id) as kept
    from generation.candidates as candidates
    inner join generation.requests as requests on requests.request_id = candidates.request_id
    left join (
        select row_id
        from filtering.decisions
        where position >= 0
        group by row_id
        having sum(case when passed then 1 else 0 end) = $gates
    ) as passed_all on passed_all.row_id = candidates.row_id
    group by requests.round, requests.stratum
) as got on got.round = asked.round and got.stratum = asked.stratum
order by asked.round, asked.stratum

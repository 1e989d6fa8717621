-- What was on offer and what became of it, in one row. `joined_groups`: groups that share a text, or near copies of one,
-- with another; `sealed_groups`: groups of which nothing lies open, but for rows set aside.
select
    (select count(*) from staged.rows) as rows,
    (select count(*) from staged.groups) as groups,
    (
        select count(*)
        from staged.leaders
        inner join (select leader from staged.leaders group by leader having count(*) > 1) as joined
            on staged.leaders.leader = joined.leader
    ) as joined_groups,
    (select count(*) from staged.lying where split = 'vault') as sealed_rows,
    (select count(*) from staged.groups)
    - (select count(distinct group_id) from staged.lying where split <> 'vault' and side <> 'vault') as sealed_groups

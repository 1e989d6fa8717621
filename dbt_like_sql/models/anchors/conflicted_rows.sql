-- Rows of joined groups that touch two sides. `fresh`: new, back again, or with another text than before; only such a
-- row can bridge. `side` is empty for a row that was set aside before: it stands for nothing.
with conflicted as (
    select leader
    from staged.touches
    group by leader
    having count(*) > 1
),

sealed as (
    select distinct ref
    from staged.kin
    where how = 'sealed'
)

select
    staged.rows.ref,
    staged.rows.text_hash,
    staged.dealt.leader,
    case
        when sealed.ref is not null then 'vault'
        when staged.known.split = 'aside' then null
        else staged.dealt.side
    end as side,
    case
        when sealed.ref is not null then false
        when staged.known.split = 'aside' then false
        when staged.known.text_hash = staged.rows.text_hash and staged.known.standing then false
        else true
    end as fresh
from staged.rows
left join staged.known
    on staged.rows.row_id = staged.known.row_id
inner join staged.dealt
    on coalesce(staged.known.group_id, staged.rows.group_id) = staged.dealt.group_id
inner join conflicted
    on staged.dealt.leader = conflicted.leader
left join sealed
    on staged.rows.ref = sealed.ref
order by staged.dealt.leader, staged.rows.ref

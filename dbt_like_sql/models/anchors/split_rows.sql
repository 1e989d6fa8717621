-- Every row on offer with its group, its group's side and where it lies itself. A sealed row stays in the vault, an
-- unchanged one where it was; one that bridges two sides is set aside, for good.
with sealed as (
    select distinct ref
    from staged.kin
    where how = 'sealed'
),

near_sealed as (
    select distinct ref
    from staged.kin
    where how = 'exact' or how = 'near'
),

bridges as (
    select distinct ref
    from staged.bridges
),

elsewhere as (
    select distinct
        text_hash,
        side
    from staged.past
    where split <> 'aside'
),

placed as (
    select
        staged.rows.ref,
        staged.dealt.group_id,
        staged.dealt.side,
        staged.known.split as known_split,
        staged.rows.text_hash,
        coalesce(staged.known.text_hash = staged.rows.text_hash and staged.known.standing, false) as unchanged,
        sealed.ref is not null as sealed,
        near_sealed.ref is not null as near_sealed,
        bridges.ref is not null as bridges
    from staged.rows
    left join staged.known
        on staged.rows.row_id = staged.known.row_id
    inner join staged.dealt
        on coalesce(staged.known.group_id, staged.rows.group_id) = staged.dealt.group_id
    left join sealed
        on staged.rows.ref = sealed.ref
    left join near_sealed
        on staged.rows.ref = near_sealed.ref
    left join bridges
        on staged.rows.ref = bridges.ref
),

crossed as (
    select distinct placed.ref
    from placed
    inner join elsewhere
        on placed.text_hash = elsewhere.text_hash
    where placed.side <> elsewhere.side and not placed.unchanged
)

select
    placed.ref,
    placed.group_id,
    placed.side,
    case
        when placed.sealed then 'vault'
        when placed.known_split = 'aside' then 'aside'
        when placed.near_sealed and placed.side <> 'vault' then 'aside'
        when placed.unchanged then placed.known_split
        when placed.bridges or crossed.ref is not null then 'aside'
        else placed.side
    end as split
from placed
left join crossed
    on placed.ref = crossed.ref

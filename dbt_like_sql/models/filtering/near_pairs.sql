-- All pairs of texts that lie in one bucket (one hash of one band) and in two components, once each. Takes the number of the first new text as $first.
--
-- Pairs of components come before pairs of texts: a bucket with a million texts of one component and one of
-- another gives a million pairs, not their square.
with buckets as (
    select
        band,
        hash
    from near_bands
    group by band, hash
    having min(number) < max(number) and max(number) >= $first
),

bucketed as (
    select
        near_bands.band,
        near_bands.hash,
        near_bands.number,
        near_roots.root
    from near_bands
    inner join buckets
        on
            near_bands.band = buckets.band
            and near_bands.hash = buckets.hash
    inner join near_roots
        on near_bands.number = near_roots.number
),

parted as (
    select
        band,
        hash
    from bucketed
    group by band, hash
    having min(root) < max(root)
),

members as (
    select
        bucketed.band,
        bucketed.hash,
        bucketed.number,
        bucketed.root
    from bucketed
    inner join parted
        on
            bucketed.band = parted.band
            and bucketed.hash = parted.hash
),

components as (
    select distinct
        band,
        hash,
        root
    from members
),

-- The distinct changes no row. It keeps engines from joining the texts of a bucket with each other first.
beside as (
    select distinct
        members.band,
        members.hash,
        members.number,
        components.root as other_root
    from members
    inner join components
        on
            members.band = components.band
            and members.hash = components.hash
            and members.root < components.root
)

select distinct
    least(beside.number, members.number) as one,
    greatest(beside.number, members.number) as other
from beside
inner join members
    on
        beside.band = members.band
        and beside.hash = members.hash
        and beside.other_root = members.root
where greatest(beside.number, members.number) >= $first

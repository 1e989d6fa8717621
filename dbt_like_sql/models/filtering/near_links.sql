-- Each text beside the first of a bucket that both lie in: the pairs that join most of what belongs together. Takes the number of the first new text as $first.
--
-- Texts lie in one bucket if their hashes of one band are equal. Of thousands of rows of one template, each is tried
-- against one other here, and near_pairs need not list the pairs of all.
with buckets as (
    select
        band,
        hash,
        min(number) as least
    from near_bands
    group by band, hash
    having min(number) < max(number) and max(number) >= $first
)

select distinct
    buckets.least as one,
    near_bands.number as other
from near_bands
inner join buckets
    on
        near_bands.band = buckets.band
        and near_bands.hash = buckets.hash
where
    near_bands.number > buckets.least
    and near_bands.number >= $first

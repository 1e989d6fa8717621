-- What the mix of a release scores on each frozen slice, beside what always naming the commonest class scores.
-- A score of another state of the ruler is none here.
-- $version: the release; $arm: the mix among the arms of training.
select
    slices.slice as slice,
    slices.name as name,
    results.value as value,
    slices.value as baseline,
    slices.n as n,
    $version as version
from training.slices as slices
left join training.results as results
    on
        results.slice = slices.slice and results.name = slices.name and results.arm = $arm
        and results.registry_state = slices.registry_state
order by slices.slice, slices.name

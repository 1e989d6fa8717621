-- The label of each row that was voted on: the prompted one, and whether the judges confirm it.
-- A vote of confidence 0 is an abstention and confirms nothing.
-- $judges: judges in the card; $confirmations: how many of them must agree with the prompted label.
select
    counted.row_id as row_id,
    counted.requested_label as label,
    case
        when counted.agreeing >= $judges then 'consensus'
        when counted.agreeing >= $confirmations then 'judge'
        else 'prompted'
    end as label_source,
    counted.agreeing >= $judges or counted.agreeing >= $confirmations as confirmed
from (
    select
        candidates.row_id as row_id,
        candidates.requested_label as requested_label,
        count(distinct case
            when votes.label = candidates.requested_label and coalesce(votes.confidence, 1) > 0 then votes.judge
        end) as agreeing
    from generation.candidates as candidates
    inner join labeling.votes as votes on votes.row_id = candidates.row_id
    group by candidates.row_id, candidates.requested_label
) as counted
order by counted.row_id

-- What each matched text is: an erased one, the leak, then the best match among open rows, of equal ones the real row, then the first by id.
--
-- A text that is an open anchor, word for word, is that anchor, though it shares a phrase with a sealed row; not so if it
-- is a sealed row word for word.
with ranked as (
    select
        text_hash,
        origin,
        how,
        matched_row_id,
        eval_row_digest,
        score,
        row_number() over (
            partition by text_hash
            order by
                case
                    when origin = 'erased' then 0
                    when origin = 'leak' and (how = 'exact' or how = 'canary') then 1
                    when origin = 'real' and how = 'exact' then 2
                    when origin = 'leak' then 3
                    else 4
                end,
                score desc,
                case when origin = 'real' then 1 else 2 end,
                how,
                coalesce(matched_row_id, eval_row_digest)
        ) as place
    from inherit_matches
)

select
    text_hash,
    origin,
    how,
    matched_row_id,
    eval_row_digest,
    score
from ranked
where place = 1

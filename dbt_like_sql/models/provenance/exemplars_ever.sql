-- The real rows that are or were exemplars: a model that was fitted to the exemplars learned from each.
select row_id from anchors.rows where split = 'exemplar'
union
select row_id from anchors.history where split = 'exemplar'

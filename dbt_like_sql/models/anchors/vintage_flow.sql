-- Open rows before this vintage and now, and those that it lists as removed and as added. One row.
select
    (
        select count(*)
        from anchors.history
        where vintage < $vintage and (until is null or until >= $vintage)
    ) as before,
    (
        select count(*)
        from anchors.changes
        where vintage = $vintage and change = 'removed' and split <> 'vault'
    ) as removed,
    (
        select count(*)
        from anchors.changes
        where vintage = $vintage and change = 'added' and split <> 'vault'
    ) as added,
    (select count(*) from anchors.rows) as now

"""How candidates, releases and sealed sets can share what they must not, and what else is right: check by check."""

from __future__ import annotations

from careful_assets_tests.life.damage import Accept, Break, sql

_STATE = "(select min(registry_state) from anchors.vault_counts)"
_SET = f"insert into anchors.evaluation_sets values ('anchors_2', 'real', 1, 'd', null, null, null, {_STATE})"
_FOUND = "insert into evaluation.lineage_leaks values ('anchors', '{kind}', 'digest', 3)"
_LEAK = "insert into evaluation.release_leaks values ('1.0.0', 'r', 'real', 'digest', 'anchors', 'exact', 1, 1)"
_SCANNED = f"insert into evaluation.release_scans values ('1.0.0', {_STATE}, 9, 0, null)"
_OLDER = "update release.releases set made_at = timestamptz '2000-01-01'"

BREAKS: dict[tuple[str, str], list[Break]] = {
    ("evaluation", "lineage_is_disjoint"): [
        Break(
            "a sealed row was shown to the generator",
            "the real rows: sealed row digest is a parent of 3 candidates",
            sql(_FOUND.format(kind="sealed_parent")),
        ),
        Break("no sealed set is on record", "no sealed set is on record", sql("delete from anchors.evaluation_sets")),
        Break(
            "the vault was never asked",
            "it is not on record that the vault",
            sql("delete from provenance.openings where operation = 'sealed_among'"),
        ),
        Break(
            "the vault was asked as it stood before",
            "it is not on record that the vault",
            sql("update provenance.openings set registry_state = 'before' where operation = 'sealed_among'"),
        ),
        Break(
            "an exemplar was never asked about",
            "it is not on record that the vault",
            sql("update anchors.rows set row_id = 'new' where row_id ="
                " (select min(row_id) from anchors.rows where split = 'exemplar')",
                "insert into anchors.rows select 'newer', text, label, group_id, source, vintage, split, votes"
                " from anchors.rows where row_id = 'new'"),
        ),
    ],
    ("evaluation", "active_releases_hold_no_leak"): [
        Break("a released row is a leak", "1.0.0 holds 1 rows", sql(_OLDER, _SCANNED, _LEAK)),
        Break("a release was not scanned", "1.0.0 was not scanned",
              sql(_OLDER, "delete from evaluation.release_scans")),
        Break("a scan failed", "the scan of 1.0.0 failed: it broke",
              sql(_OLDER, "delete from evaluation.release_scans", _SCANNED,
                  "update evaluation.release_scans set cause = 'it broke'")),
        Break("other sets are sealed now", "1.0.0 was held against other sealed sets",
              sql(_OLDER, "delete from evaluation.release_scans", _SCANNED,
                  "update evaluation.release_scans set registry_state = 'before'")),
    ],
}  # fmt: skip

ACCEPTS: dict[tuple[str, str], list[Accept]] = {
    ("evaluation", "lineage_is_disjoint"): [
        Accept("a further set of real rows", sql(_SET)),
        Accept(
            "a set that the card does not name shares a prompt",
            sql("insert into evaluation.lineage_leaks values ('field', 'prompt', 'digest', 3)"),
        ),
    ],
    ("evaluation", "active_releases_hold_no_leak"): [
        Accept("the release is older, and was scanned", sql(_OLDER, "delete from evaluation.release_scans", _SCANNED)),
    ],
}

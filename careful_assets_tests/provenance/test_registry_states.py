"""Every build names the state of the sealed sets; several at once are refused; a leak in a release makes it due."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from careful_assets.errors import StageFailed
from careful_assets.provenance.ledger import current_versions, record_version, standing_state
from careful_assets.retirement.stage import status_on
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.migrations import migrate
from careful_assets_tests.operations.planted import add


def test_a_version_names_the_state_that_it_was_made_against(tmp_path: Path) -> None:
    """None before anything is sealed, then the one on record; two at once are refused, since nobody knows which."""
    path = tmp_path / "d.duckdb"
    migrate(path)
    with connect(path) as con:
        assert standing_state(con) is None
        add(
            con,
            "anchors.vault_counts",
            *({"label": label, "n": 1, "groups": 1, "registry_state": "s"} for label in "ab"),
        )
        record_version(con, "anchors", "v", {}, "card", "run", standing_state(con))
        assert current_versions(con)["anchors"].registry_state == "s"
        con.execute("update anchors.vault_counts set registry_state = 'other' where label = 'a'")
        with pytest.raises(StageFailed, match="names 2 states of the sealed sets"):
            standing_state(con)


def test_a_release_with_a_leak_is_due_for_review() -> None:
    """Before its dates, too; past its end it is overdue, and retired on record it stays retired."""
    today, later, past = date(2026, 1, 1), date(2027, 1, 1), date(2025, 1, 1)
    assert status_on(today, "active", later, later, None, 3)[0] == "review_due"
    assert "3 of its rows" in str(status_on(today, "active", later, later, None, 3)[1])
    assert status_on(today, "active", past, past, None, 3)[0] == "overdue"
    assert status_on(today, "retired", later, later, "why", 3) == ("retired", "why")
    assert status_on(today, "active", later, later, None, 0) == ("active", None)

"""Names that a dataset cannot have: those that its own tables have."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from careful_assets.card.reader import read_card
from careful_assets.card.rules import RESERVED
from careful_assets.errors import MalformedInput
from careful_assets.warehouse import quarantine, vault_store
from careful_assets.warehouse.migrations import migrate
from careful_assets.warehouse.staging import Staging
from careful_assets_tests.card.cards import swapped, write_card


def test_every_schema_is_reserved(tmp_path: Path) -> None:
    """The reserved names are those of all schemas that the platform's files have, and the engine's own."""
    migrate(tmp_path / "a.duckdb")
    found = set()
    for path in (tmp_path / "a.duckdb", Staging(tmp_path).path):
        with closing(duckdb.connect(str(path))) as con:
            con.execute(vault_store.SCHEMA.read_text(encoding="utf-8"))
            con.execute(quarantine.SCHEMA.read_text(encoding="utf-8"))
            found |= {name for (name,) in con.sql("select distinct schema_name from duckdb_schemas()").fetchall()}
            found |= {name for (name,) in con.sql("select database_name from duckdb_databases()").fetchall()}
    assert found - {"a", "staging"} <= RESERVED
    assert RESERVED - {"memory"} <= found


@pytest.mark.parametrize("name", ["training", "sealed"])
def test_a_reserved_name_is_refused(tmp_path: Path, name: str) -> None:
    """A dataset named like a schema is refused at its name's line, with the way out."""
    card = write_card(tmp_path, swapped(("name: tickets\n", f"name: {name}\n")), name=name)
    with pytest.raises(MalformedInput) as caught:
        read_card(card)
    said = f"{name!r} is a word of the platform's own tables; choose another name, and rename the folder"
    assert [(fault.line, fault.key, fault.message) for fault in caught.value.faults] == [(1, "name", said)]

"""Personal data that a generator made up or remembered: in the quarantine and the journal, and nowhere else."""

from __future__ import annotations

import json

import polars as pl
import pytest

from careful_assets.operations.records.trace_text import trace_text
from careful_assets.operations.status import status_of
from careful_assets.operations.text import status_text
from careful_assets.operations.trace import trace_row
from careful_assets.provenance import stage as running
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.quarantine import Quarantine
from careful_assets.warehouse.tables import read
from careful_assets_tests.life.arrange import Life

SECRETS = ("jane.doe@example.org", "4945807302157365", "212-555-0123")
TEXTS = [
    f"the hinge of the lid snapped and {SECRETS[0]} never answered any of my letters",
    f"somebody charged the repair twice and {SECRETS[1]} is what they took it from",
    f"nobody picks up after four rings and {SECRETS[2]} plays organ music all afternoon",
]


def remember(life: Life) -> None:
    """Let the first three answers on record hold personal data."""
    lines = life.journal.read_text(encoding="utf-8").splitlines()
    left = list(TEXTS)
    for at, line in enumerate(lines):
        event = json.loads(line)
        if left and event["event"] == "answered" and event["choices"]:
            event["choices"][0] = {"text": left.pop(0), "finish_reason": "stop"}
            lines[at] = json.dumps(event)
    assert not left
    life.journal.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def quarantined(life: Life) -> pl.DataFrame:
    """The rows in the quarantine."""
    with connect(life.home.quarantine(life.dataset), read_only=True) as con:
        return read(con, "quarantine.rows").sort("text")


def test_raw_texts_lie_in_the_quarantine_alone(copied_small_life: Life) -> None:
    """Three answers with personal data: refused for it, masked in every table, page and story, raw in the quarantine;
    a run that is cut off before the warehouse is written changes nothing there, and the next one comes to the same.
    """
    life = copied_small_life
    before = life.table("generation.candidates")
    remember(life)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "_write", _die)
        assert not life.materialize("generation", checked=False).success
    assert quarantined(life)["text"].to_list() == sorted(TEXTS)
    assert life.table("generation.candidates").sort("row_id").equals(before.sort("row_id"))

    assert life.materialize("generation", "filtering").success
    held, candidates = quarantined(life), life.table("generation.candidates")
    assert held["text"].to_list() == sorted(TEXTS)
    masked = candidates.filter(pl.col("text_digest").is_not_null())
    assert set(masked["row_id"]) == set(held["row_id"])
    assert set(masked["text_digest"]) == set(held["text_digest"])
    assert {text.split("and ")[1].split()[0] for text in masked["text"]} == {"[email]", "[card]", "[phone]"}
    decisions = life.table("filtering.decisions").filter(~pl.col("passed") & (pl.col("gate") == "personal_data"))
    assert set(decisions["row_id"]) == set(held["row_id"])
    assert set(decisions["reason"]) == {"personal_data"}

    with connect(life.home.warehouse(life.dataset), read_only=True) as con:
        tables = con.sql("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
        shown = "".join(json.dumps(read(con, name).to_dicts(), default=str) for (name,) in tables)
    for row_id in held["row_id"]:
        shown += trace_text(trace_row(life.home, [life.dataset], row_id))
    assert not [secret for secret in SECRETS if secret in shown]
    state = status_of(life.loaded, life.home)
    assert state["quarantined"] == 3
    assert "3 rows whose raw text was refused for personal data" in status_text(state)

    versions = life.data_versions()
    assert life.materialize("generation", "filtering").success
    assert life.data_versions() == versions
    assert quarantined(life).equals(held)
    life.home.quarantine(life.dataset).unlink()  # another key
    assert life.materialize("generation", "filtering").success
    assert life.data_versions() == versions
    assert set(quarantined(life)["text_digest"]).isdisjoint(held["text_digest"])
    assert Quarantine(life.home.quarantine(life.dataset)).count() == 3


def _die(*_: object) -> None:
    raise RuntimeError("cut off before the warehouse is written")

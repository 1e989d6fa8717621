"""Taking in a file without provenance: which of its lines are real, made by us, leaked from the ruler,
erased before, or unknown.

Belongs here: the order of things, and what is said of them. Does not belong here (but in `inheriting`): reading
the file, matching, writing unknown rows for generation to load.

First the intake is written, then the warehouse, each whole or not at all. A file is on record by its digest once both
are: until then it is sorted anew, and rows that the intake holds already are not taken in twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from careful_assets.card.reader import LoadedCard
from careful_assets.catalogue import requirements_of
from careful_assets.errors import GateClosed, Refused, StageFailed
from careful_assets.operations.inheriting.intake import Intake
from careful_assets.operations.inheriting.matching import (
    MILLION,
    NEAR,
    decide,
    lay_out,
    leak_cut_offs,
    match_canaries,
    match_erased,
    match_open,
    match_sealed,
    new_staging,
)
from careful_assets.operations.inheriting.reading import ForeignFile, open_foreign
from careful_assets.provenance.digests import canonical
from careful_assets.provenance.erasures import erased_ids, refuse_unfinished, steps_on_record
from careful_assets.provenance.ledger import guard
from careful_assets.text.ngrams import SHINGLE_CHARACTERS
from careful_assets.warehouse.canary_registry import CanaryRegistry
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.home import Home, emptied
from careful_assets.warehouse.migrations import migrate
from careful_assets.warehouse.models import fill, run_model
from careful_assets.warehouse.quarantine import Quarantine
from careful_assets.warehouse.tables import Stored, append, at_hand, read
from careful_assets.warehouse.vault_probe import VaultProbe

ORIGINS = ("real", "synthetic", "leak", "erased", "unknown", "unreadable")
_SHOWN_FAULTS = 10


@dataclass(frozen=True)
class _Standing:
    """What the warehouse says before anything is done."""

    registry_state: str
    erasure_steps: int
    erased: frozenset[str]
    recorded: dict[str, Any] | None


def inherit(
    loaded: LoadedCard, home: Home, path: Path, say: Callable[[str], None], *, text: str | None = None,
    label: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Sort the file's lines by origin and take the unknown ones in as candidates-to-be; the report of `--json`.

    The same file again changes nothing. Every line is counted under one of `ORIGINS`.

    Args:
        loaded: the card of the dataset that the file is held against.
        home: where it lives.
        path: JSONL, CSV or Parquet, each also compressed with gzip.
        say: gets a line for each long step.
        text, label: the file's columns; without them the one of the usual names that is there.

    Raises:
        MalformedInput: the file cannot be read, its columns cannot be told, or not one line holds a text.
        GateClosed: anchors are not current, or an erasure is not finished.
        Refused: the file is on record, read by other columns.
        StageFailed: something else writes what this writes; nothing is sealed; or a leak detector did not run.
        HomeUnusable: CAREFUL_HOME cannot be written.
    """
    card = loaded.card
    _standing(loaded, home)  # before a large file is read for nothing
    with emptied(home.prepare().scratch(card.name, "inherit")) as scratch:
        file = open_foreign(path, scratch, text, label)
        standing = _standing(loaded, home, file.digest)
        if standing.recorded is not None:
            _refuse_other_columns(file, standing.recorded, explicit=(text, label))
            return _report(loaded, home, file.digest) | {"changed": False}
        staging = new_staging(scratch / "lines.duckdb")
        with connect(staging) as con:
            lines = lay_out(con, file, card.anchors.labels)
            say(f"{file.name}: {lines:,} lines; holding their texts against open rows")
            match_open(con, home.warehouse(card.name), scratch)
            say(f"{file.name}: asking the vault")
            vault, warehouse, run_id = home.vault(card.name), home.warehouse(card.name), f"inherit-{file.digest[:16]}"
            match_sealed(con, loaded, warehouse, VaultProbe(vault, warehouse, run_id, stage="inherit"))
            match_canaries(con, CanaryRegistry(vault, warehouse, run_id, stage="inherit"))
            if standing.erased:
                match_erased(con, standing.erased, Quarantine(home.quarantine(card.name)).key())
            decide(con)
            _intake(loaded, home).take_in(con, file.digest)
            _settle(con, file)
        _record(loaded, home, file, staging, lines, standing)
    shown = [{"line": fault.line, "key": fault.key, "message": fault.message} for fault in file.faults.faults]
    return _report(loaded, home, file.digest) | {"changed": True, "faults": shown, "fault_count": file.faults.total}


def inherited_text(report: Mapping[str, Any]) -> str:
    """What `careful inherit` prints: counts and line numbers, no row."""
    label = f"labels in {report['label_column']!r}" if report["label_column"] else "no column of labels"
    lines = [
        f"{report['dataset']}: {report['file']}, {report['lines']:,} lines; texts in {report['text_column']!r}, {label}"
    ]
    if not report["changed"]:
        lines.append(f"this file was sorted on {report['inherited_at']:%Y-%m-%d %H:%M}; nothing was changed")
    lines += [_origin_line(report, origin) for origin in ORIGINS]
    if report["origins"]["unknown"]:
        lines.append(f"candidates  {report['candidates']:>9,}  different unknown rows with a label of the card's")
    if report["unknown_without_candidate"]:
        lines.append(f"no label    {report['unknown_without_candidate']:>9,}  unknown lines that become no candidates")
    lines += _fault_lines(report.get("faults", []), report.get("fault_count", 0))
    return "\n".join([*lines, f"next        {report['next']}"] if report["next"] else lines)


def _origin_line(report: Mapping[str, Any], origin: str) -> str:
    found = [one for one in report["found"] if one["origin"] == origin and one["how"]]
    ways = ", ".join(f"{one['how']} {one['lines']:,}" for one in found)
    return f"{origin:<11} {report['origins'][origin]:>9,}" + (f"  {ways}" if ways else "")


def _fault_lines(faults: Sequence[Mapping[str, Any]], total: int) -> list[str]:
    if not faults:
        return []
    shown = [f"  line {one['line']}: {one['message']}" for one in faults[:_SHOWN_FAULTS]]
    more = ["  ...; --json names up to fifty of each kind"] if total > len(shown) else []
    return [f"faults      {total:>9,}", *shown, *more]


def _standing(loaded: LoadedCard, home: Home, file_digest: str = "") -> _Standing:
    name, path = loaded.card.name, home.warehouse(loaded.card.name)
    remedy = f"run `careful run {name} --to anchors` first"
    if not path.exists():
        raise GateClosed(f"{name}: there are no anchors to hold a file against; {remedy}")
    migrate(path)
    with connect(path, read_only=True) as con:
        refuse_unfinished(con, name)
        try:
            # The gate behind anchors: they are current and passed their checks.
            guard(con, name, "purpose", loaded.digest, requirements_of(loaded))
        except GateClosed as closed:
            raise GateClosed(f"{name}: the anchors to hold a file against do not stand: {closed}; {remedy}") from closed
        states = read(con, "anchors.vault_counts")["registry_state"].to_list()
        files = read(con, "provenance.inherited_files").filter(pl.col("file_digest") == file_digest)
        recorded = files.row(0, named=True) if files.height else None
        return _Standing(states[0] if states else "", steps_on_record(con), erased_ids(con, "text"), recorded)


def _refuse_other_columns(
    file: ForeignFile, recorded: Mapping[str, Any], explicit: tuple[str | None, str | None]
) -> None:
    asked = [one for one in explicit if one is not None]
    then = (recorded["text_column"], recorded["label_column"])
    if asked and (file.text, file.label) != then:
        raise Refused(
            f"{file.name} is on record, its texts in {then[0]!r}, its labels in {then[1]!r}; a file is sorted once. "
            "If those were the wrong columns, exclude its rows and give the file with the right ones alone"
        )


def _intake(loaded: LoadedCard, home: Home) -> Intake:
    masks = any(setting.gate == "personal_data" for setting in loaded.profile.gates)
    return Intake(home.intake(loaded.card.name), loaded.card.purpose.artifact_type, masks)


def _settle(con: duckdb.DuckDBPyConnection, file: ForeignFile) -> None:
    """Lay the result out in the columns of `provenance.inherited`."""
    fill(con, "inherit/inherited", "inherit_result", {"file_digest": file.digest})
    con.execute("update inherit_result set score = score / $million", {"million": MILLION})


def _record(loaded: LoadedCard, home: Home, file: ForeignFile, staging: Path, lines: int, standing: _Standing) -> None:
    leaks = {name: cut_off / 1000 for name, cut_off in leak_cut_offs(loaded).items()}
    thresholds = {"near": NEAR / 1000, "shingle_characters": SHINGLE_CHARACTERS, "leaks": leaks}
    row = {
        "file_digest": file.digest, "file_name": file.name, "rows": lines, "text_column": file.text,
        "label_column": file.label, "thresholds": canonical(thresholds), "registry_state": standing.registry_state,
        "inherited_at": datetime.now(UTC),
    }  # fmt: skip
    found = Stored(staging, "main.inherit_result")
    with connect(home.warehouse(loaded.card.name)) as con, at_hand(con, [found]), transaction(con):
        if steps_on_record(con) != standing.erasure_steps:
            raise StageFailed(
                f"{loaded.card.name}: rows were erased while {file.name} was sorted; nothing was recorded; run it again"
            )
        append(con, "provenance.inherited", found)
        append(con, "provenance.inherited_files", pl.DataFrame([row], schema_overrides={"label_column": pl.String}))


def _report(loaded: LoadedCard, home: Home, file_digest: str) -> dict[str, Any]:
    """What is on record of the file."""
    with connect(home.warehouse(loaded.card.name), read_only=True) as con:
        files = read(con, "provenance.inherited_files").filter(pl.col("file_digest") == file_digest)
        found = run_model(con, "inherit/counts", {"file_digest": file_digest}).sort("origin", "how").to_dicts()
    file = files.row(0, named=True)
    lines = {origin: sum(one["lines"] for one in found if one["origin"] == origin) for origin in ORIGINS}
    unknown = next((one for one in found if one["origin"] == "unknown"), {"taken_in": 0, "candidates": 0})
    return {
        "dataset": loaded.card.name,
        "file": file["file_name"],
        "file_digest": file_digest,
        "inherited_at": file["inherited_at"],
        "lines": file["rows"],
        "text_column": file["text_column"],
        "label_column": file["label_column"],
        "thresholds": json.loads(file["thresholds"]),
        "origins": lines,
        "found": [{key: one[key] for key in ("origin", "how", "lines")} for one in found],
        "candidates": unknown["candidates"],
        "unknown_without_candidate": lines["unknown"] - unknown["taken_in"],
        "next": f"careful run {loaded.card.name}" if unknown["candidates"] else None,
    }

"""F: what the files of a dataset's own gates must be, told when the card is read and nothing is run.

Belongs here: that a file holds one query, which gives the same answer every time, and that a suite's expectations
exist. Does not belong here: which files a card names (`own_gates`), and running them (the room of filtering).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from careful_assets.card.document import read_text
from careful_assets.errors import Fault, MalformedInput

_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
# SQL writes these without brackets, so that they parse as columns.
_BARE = frozenset({"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"})
_ENDS_THE_QUERY = frozenset({"error"})  # volatile by DuckDB's word, so that it is not left out
_SHAPE = "a gate is one query for row_id, reason and score"


def read_query(path: Path) -> bytes:
    """The bytes of an SQL gate.

    Raises:
        MalformedInput: it is no text, or not one query, or one whose answer may differ on the same rows.
    """
    import duckdb

    text = read_text(path)

    def refuse(message: str, line: int | None = None) -> MalformedInput:
        return MalformedInput(f"gate {path.name}", [Fault(str(path), line, "", message)])

    try:
        statements = duckdb.extract_statements(text)
    except duckdb.Error as error:
        said, at = str(error), _LINE.search(str(error))
        raise refuse(f"is no SQL that DuckDB reads: {said.splitlines()[0]}", int(at[1]) if at else None) from None
    if len(statements) != 1:
        raise refuse(f"holds {len(statements)} statements; {_SHAPE}")
    kind = statements[0].type
    if kind != duckdb.StatementType.SELECT:
        raise refuse(f"is a statement of the kind {kind.name}; {_SHAPE}")
    parsed = _parsed(text)
    if parsed.get("error"):
        raise refuse(f"cannot be looked through for functions that hang on chance or the clock; {_SHAPE}")
    if changing := sorted(set(_changing(parsed))):
        raise refuse(
            f"uses {', '.join(changing)}: its answer may differ on the same rows, and a gate decides alike every time; "
            "write a value, or compute it from the rows"
        )
    return text.encode()


def read_suite(path: Path) -> bytes:
    """The bytes of a suite; what else it says is judged where the gate runs, by Great Expectations.

    Raises:
        MalformedInput: it is no text or no JSON, or names expectations that Great Expectations does not have.
    """
    text = read_text(path)
    try:
        suite = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise MalformedInput(f"gate {path.name}", [Fault(str(path), line, "", "is no JSON that can be read")]) from None
    entries = suite.get("expectations") if isinstance(suite, dict) else None
    faults = []
    for number, entry in enumerate(entries if isinstance(entries, list) else [], start=1):
        name = entry.get("type") if isinstance(entry, dict) else None
        if isinstance(name, str) and name not in _expectation_types():
            message = f"is of the type {name[:80]!r}, which Great Expectations does not know; write one that it has"
            faults.append(Fault(str(path), _line_of(json.dumps(name), text), f"expectations[{number}].type", message))
    if faults:
        raise MalformedInput(f"gate {path.name}", faults)
    return path.read_bytes()


def _line_of(word: str, text: str) -> int | None:
    at = text.find(word)
    return None if at < 0 else text.count("\n", 0, at) + 1


@cache
def _expectation_types() -> frozenset[str]:
    """By the names of their files: importing Great Expectations takes seconds."""
    spec = find_spec("great_expectations")
    assert spec is not None
    assert spec.origin is not None
    core = Path(spec.origin).parent / "expectations" / "core"
    return frozenset(file.stem for file in core.glob("*expect*.py"))


def _parsed(query: str) -> dict[str, Any]:
    import duckdb

    with duckdb.connect(":memory:") as con:
        row = con.execute("select json_serialize_sql(?)", [query]).fetchone()
    assert row is not None
    found: dict[str, Any] = json.loads(row[0])
    return found


@cache
def _volatile() -> frozenset[str]:
    """The functions that DuckDB itself does not call consistent."""
    import duckdb

    with duckdb.connect(":memory:") as con:
        rows = con.execute("select function_name from duckdb_functions() where stability <> 'CONSISTENT'").fetchall()
    return frozenset(name for (name,) in rows) - _ENDS_THE_QUERY


def _changing(node: Any) -> Iterator[str]:
    """What in a parsed query hangs on chance, on the clock or on the session."""
    if isinstance(node, list):
        for one in node:
            yield from _changing(one)
    if not isinstance(node, dict):
        return
    name = str(node.get("function_name", "")).lower()
    # With one argument `age` counts up to today, though DuckDB calls it consistent.
    if name in _volatile() or (name == "age" and len(node.get("children") or ()) == 1):
        yield f"{name}()"
    names = [str(one).lower() for one in node.get("column_names") or ()]
    yield from (one for one in names if names == [one] and one in _BARE)
    if node.get("sample"):
        yield "a sample"
    for value in node.values():
        yield from _changing(value)

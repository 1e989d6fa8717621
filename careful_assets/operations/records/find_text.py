"""What `careful find` prints. Ids alone: what rows say is told by `trace`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from careful_assets.operations.text import one_line

_SHOWN = 10


def found_text(report: Mapping[str, Any]) -> str:
    """The report of `find.find_rows` as text."""
    return "\n".join(line for found in report["datasets"] for line in _lines(report["kind"], found))


def _lines(kind: str, found: Mapping[str, Any]) -> Iterable[str]:
    matches = ", ".join(one_line(one) for one in found["matches"])
    yield f"{found['dataset']}: {found['count']:,} rows of {kind} {matches}"
    for row in found["splits"]:
        yield f"├─ split      {row['rows']:>7,}  {row['origin']}, {row['split']}"
    for row in found["releases"]:
        why = f" {row['retired_at']}: {one_line(row['retired_because'] or '')}" if row["status"] == "retired" else ""
        yield f"├─ release    {row['rows']:>7,}  {row['origin']} in {row['version']}, {row['status']}{why}"
    for row in found["training_runs"]:
        model = f"mix {row['mix_id']}, model {row['model_digest'][:16]}"
        yield f"├─ trained    {row['rows']:>7,}  {row['origin']} in {row['arm']}, {model}, {row['trained_at']}"
    if not found["releases"]:
        yield "├─ release    none"
    if not found["training_runs"]:
        yield "├─ trained    none"
    ids = [row["row_id"][:16] for row in found["rows"][:_SHOWN]]
    more = found["count"] - len(ids)
    yield f"└─ rows       {' '.join(ids)}{f' and {more:,} more; --json has all' if more else ''}"

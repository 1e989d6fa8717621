"""What the commands print: plain text for a terminal, from the same dictionaries that `--json` prints."""

from __future__ import annotations

from typing import Any


def summary_text(summary: dict[str, Any], program: str) -> str:
    """What `careful run` prints last; `program` is how `careful` was called."""
    release = summary["release"]
    lines = [
        "",
        f"== {summary['dataset']} ==",
        f"candidates   {summary['candidates']} from {summary['generator']}, {summary['requests']} requests",
        f"rounds       {summary['rounds']}",
        *_spent(summary["spent"], summary["held_back"]),
        f"kept         {summary['kept']}, of which {summary['labels_confirmed']} with a confirmed label",
        f"rejected     {sum(row['n'] for row in summary['rejected'])}",
        *(f"             {row['n']:>5}  {row['gate']}: {row['reason']}" for row in summary["rejected"]),
        "kappa",
        *(f"             {_number(row['value'])}  {row['name']} (n {row['n']})" for row in summary["kappa"]),
        f"leaks        {summary['leaks_struck']} rows struck",
    ]
    if summary["gap_scores"]:
        lines += ["scores on the sealed ruler, 95% intervals"]
        lines += [f"             {_interval(row)}  {row['name']}, {row['arm']}" for row in summary["gap_scores"]]
    lines += [f"advice       {line}" for line in summary["advice"]]
    for kind in ("kept", "rejected"):
        lines += ["", f"five rows {kind}", *(_sample(row) for row in summary["samples"][kind])]
    if release is not None:
        lines += [
            "",
            f"release      {release['version']}: {release['rows']} rows, {release['generated']} of them generated",
            f"             {release['folder']}",
            f"             content digest {release['content_digest']}",
        ]
    row = (summary["samples"]["kept"] or summary["samples"]["rejected"] or [{"row_id": "ROW_ID"}])[0]
    lines += ["", "look further", "             make ui", f"             {program} trace {row['row_id'][:16]}"]
    return "\n".join(lines)


def _spent(spent: dict[str, Any], held_back: dict[str, Any] | None) -> list[str]:
    tokens, seconds, cost = spent["tokens"], spent["seconds"], spent["cost"]
    price = "no price" if cost is None else f"{cost['took']:,.2f} {spent['currency']}"
    lines = [
        f"spent        {tokens['took']:,} tokens in {seconds['took']:,.0f} s, {price}; "
        f"forecast {tokens['forecast']:,} tokens in {seconds['forecast']:,.0f} s"
    ]
    if held_back is not None:
        lines.append(f"held back    {held_back['requests']} requests; {held_back['cause']}")
    return lines


def status_text(state: dict[str, Any]) -> str:
    """What `careful status` prints of one dataset."""
    lines = [state["dataset"], *(_unfinished(erasure) for erasure in state["erasures"])]
    for stage in state["stages"]:
        made = stage["data_version"] or "not materialized"
        checks = f"{stage['passed']} checks passed" if stage["data_version"] else ""
        failed = f", FAILED: {', '.join(stage['failed'])}" if stage["failed"] else ""
        warned = f", warns: {', '.join(stage['warned'])}" if stage["warned"] else ""
        ruler = _other_ruler(stage, state["stages"][0]["registry_state"])
        lines.append(f"  {stage['stage']:<11} {made:<17} {checks}{failed}{warned}{ruler}".rstrip())
    if standing := state["stages"][0]["registry_state"]:
        lines.append(f"  sealed sets {standing[:16]}")
    if state["quarantined"]:
        lines.append(f"  quarantine  {state['quarantined']} rows whose raw text was refused for personal data")
    closed = next((stage["closed"] for stage in state["stages"] if stage["closed"]), None)
    return "\n".join([*lines, *([f"  {closed}"] if closed else [])])


def _other_ruler(stage: dict[str, Any], standing: str | None) -> str:
    """Said of a stage that was made against another state of the sealed sets than anchors left."""
    made = stage["registry_state"]
    return f", MADE AGAINST OTHER SEALED SETS: {made[:16]}" if made not in (None, standing) else ""


def _unfinished(erasure: dict[str, Any]) -> str:
    how_far = {"begun": "was begun: no stage may run", "swept": "is done but for the successor"}[erasure["status"]]
    return f"  UNFINISHED  the erasure of {erasure['row_id'][:16]} {how_far}. Go on with it: {erasure['next']}"


def _sample(row: dict[str, Any]) -> str:
    return f"  {row['row_id'][:16]}  {one_line(row['text'])}  [{row['why']}]"


def one_line(text: str, most: int = 160) -> str:
    """Generated text on a terminal: one line, no control characters, not endless."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _interval(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return "no answer             "
    if row["low"] is None:
        return f"{row['value']:.3f} (no interval)   "
    return f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"

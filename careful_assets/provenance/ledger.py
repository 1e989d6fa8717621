"""The gate ledger: which data a stage made, which checks that data passed, and the guard that downstream must pass.

A blocking asset check stops only its own run. The ledger holds across runs: a stage opens its inputs through `guard`,
and that asks for the latest verdict of every check that the profile names, along the whole upstream chain.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from careful_assets.errors import GateClosed, StageFailed
from careful_assets.provenance.digests import canonical
from careful_assets.provenance.stages import STAGES, UPSTREAM, ancestors
from careful_assets.warehouse.tables import append, dicts, read

if TYPE_CHECKING:
    # Looking something up needs the ledger, and no card with all that reads one.
    from careful_assets.provenance.verdicts import Check, CheckRef, Requirements, Verdict


@dataclass(frozen=True)
class StageVersion:
    """The newest data a stage made: its version, what it was made from, under which card, in which run.

    `registry_state`: of the sealed sets when it was made; None where nothing was sealed, or it is of before there was
    a record of it.
    """

    data_version: str
    upstream: dict[str, str]
    card_digest: str
    run_id: str
    registry_state: str | None = None


def current_versions(con: duckdb.DuckDBPyConnection) -> dict[str, StageVersion]:
    """The newest version of every stage that was ever materialized."""
    made = sorted(dicts(con.table("provenance.versions")), key=lambda row: row["seq"])
    newest = {row["stage"]: row for row in made}
    return {
        row["stage"]: StageVersion(
            row["data_version"],
            json.loads(row["upstream"]),
            row["card_digest"],
            row["run_id"],
            row.get("registry_state"),
        )
        for row in newest.values()
    }


def last_made(con: duckdb.DuckDBPyConnection) -> str | None:
    """The last of the stages that were ever made: where the life stands; None if none was."""
    made = current_versions(con)
    return next((stage for stage in reversed(STAGES) if stage in made), None)


def guard(
    con: duckdb.DuckDBPyConnection, dataset: str, stage: str, card_digest: str, requirements: Requirements
) -> dict[str, str]:
    """Open the gate to `stage`, or say which check keeps it closed and what to do.

    Returns:
        The data versions of the stages directly upstream.

    Raises:
        GateClosed: something upstream is missing, stale, unchecked or refused.
    """
    versions = current_versions(con)
    verdicts = latest_verdicts(con)
    for above in ancestors(stage):
        _must_be_current(dataset, stage, above, versions, card_digest)
        made = versions[above].data_version
        for check in requirements.checks[above]:
            verdict = verdicts.get((above, made, check.name))
            _must_have_passed(dataset, stage, above, check, verdict, requirements.profile_digest)
    return {above: versions[above].data_version for above in UPSTREAM[stage]}


def latest_verdicts(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, str], dict[str, object]]:
    """The newest ledger row of every (stage, data version, check)."""
    keys = ["stage", "data_version", "check_name"]
    newest = read(con, "provenance.ledger").sort("seq").group_by(keys, maintain_order=True).last()
    return {tuple(row[key] for key in keys): row for row in newest.iter_rows(named=True)}


def record_version(
    con: duckdb.DuckDBPyConnection,
    stage: str,
    data_version: str,
    upstream: dict[str, str],
    card_digest: str,
    run_id: str,
    registry_state: str | None,
) -> None:
    """Note what a stage made, and against which state of the sealed sets; belongs in the transaction that writes the
    stage's tables.
    """
    row = {
        "seq": next_seq(con, "provenance.versions"),
        "stage": stage,
        "data_version": data_version,
        "upstream": canonical(upstream),
        "card_digest": card_digest,
        "run_id": run_id,
        "made_at": datetime.now(UTC),
        "registry_state": registry_state,
    }
    append(con, "provenance.versions", pl.DataFrame([row]))


def standing_state(con: duckdb.DuckDBPyConnection) -> str | None:
    """The state of the sealed sets that the warehouse has on record; None before any is sealed.

    Raises:
        StageFailed: the record names several: nobody knows against which of them anything is made.
    """
    states = sorted(set(read(con, "anchors.vault_counts")["registry_state"].to_list()))
    if len(states) > 1:
        raise StageFailed(
            f"anchors.vault_counts names {len(states)} states of the sealed sets, e.g. {states[0][:16]} and "
            f"{states[1][:16]}; nothing was written; materialize anchors again"
        )
    return states[0] if states else None


def record_verdicts(
    con: duckdb.DuckDBPyConnection,
    stage: str,
    data_version: str,
    verdicts: Sequence[tuple[Check, Verdict]],
    profile_digest: str,
    run_id: str,
) -> None:
    """Note what a stage's checks said of one data version."""
    first = next_seq(con, "provenance.ledger")
    rows = [
        {
            "seq": first + offset,
            "stage": stage,
            "data_version": data_version,
            "check_name": check.name,
            "check_version": check.version,
            "profile_digest": profile_digest,
            "letters": check.letters,
            "passed": verdict.passed,
            "severity": check.severity,
            "summary": verdict.summary,
            "run_id": run_id,
            "checked_at": datetime.now(UTC),
        }
        for offset, (check, verdict) in enumerate(verdicts)
    ]
    append(con, "provenance.ledger", pl.DataFrame(rows))


def next_seq(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """The number after the table's last; only one process writes at a time."""
    return int(con.table(table).max("seq").fetchall()[0][0] or 0) + 1


def _must_be_current(dataset: str, stage: str, above: str, versions: dict[str, StageVersion], card_digest: str) -> None:
    remedy = f"materialize {dataset}/{above} and what lies between, then {dataset}/{stage} again"
    if above not in versions:
        raise GateClosed(f"{dataset}/{stage} is closed: {above} was never materialized; {remedy}")
    version = versions[above]
    if version.card_digest != card_digest:
        raise GateClosed(f"{dataset}/{stage} is closed: the card changed since {above} was made; {remedy}")
    for source, used in version.upstream.items():
        now = versions[source].data_version if source in versions else "nothing"
        if now != used:
            raise GateClosed(
                f"{dataset}/{stage} is closed: {above} was made from {source} {used}, which is now {now}; {remedy}"
            )


def _must_have_passed(
    dataset: str, stage: str, above: str, check: CheckRef, verdict: dict[str, object] | None, profile_digest: str
) -> None:
    closed = f"{dataset}/{stage} is closed by the check {above}/{check.name}"
    rerun = f"materialize {dataset}/{above} with its checks"
    if verdict is None:
        raise GateClosed(f"{closed}: it never ran on the current data; {rerun}")
    if verdict["check_version"] != check.version:
        raise GateClosed(f"{closed}: it ran at version {verdict['check_version']} and is now {check.version}; {rerun}")
    if verdict["profile_digest"] != profile_digest:
        raise GateClosed(f"{closed}: the gate profile changed since it ran; {rerun}")
    if not verdict["passed"]:
        raise GateClosed(f"{closed}, which failed: {verdict['summary']}. Mend that, then {rerun}")

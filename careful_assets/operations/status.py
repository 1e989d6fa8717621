"""How a dataset stands: unfinished erasures, and by stage the newest data, what its checks said, and its gate."""

from __future__ import annotations

from typing import Any

import duckdb
import polars as pl

from careful_assets.card.reader import LoadedCard
from careful_assets.catalogue import requirements_of
from careful_assets.errors import GateClosed
from careful_assets.provenance.erasures import newest_steps
from careful_assets.provenance.ledger import current_versions, guard, latest_verdicts
from careful_assets.provenance.stages import STAGES
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.quarantine import Quarantine


def status_of(loaded: LoadedCard, home: Home) -> dict[str, Any]:
    """By stage: data version, checks that passed, failed or warn, and what keeps its own gate closed, if anything.

    `registry_state`: of the sealed sets when the stage was made. `quarantined`: how many rows' raw texts lie in the
    quarantine. `erasures`: those that are not done, with the command that ends them.
    """
    path = home.warehouse(loaded.card.name)
    quarantined = Quarantine(home.quarantine(loaded.card.name)).count()
    if not path.exists():
        nothing: dict[str, Any] = {
            "data_version": None,
            "registry_state": None,
            "passed": 0,
            "failed": [],
            "warned": [],
            "closed": None,
        }
        return {
            "dataset": loaded.card.name,
            "erasures": [],
            "quarantined": quarantined,
            "stages": [{"stage": stage, **nothing} for stage in STAGES],
        }
    requirements = requirements_of(loaded)
    with connect(path, read_only=True) as con:
        versions, verdicts = current_versions(con), latest_verdicts(con)
        erasures = _unfinished(con, loaded.card.name)
        stages: list[dict[str, Any]] = []
        for stage in STAGES:
            made = versions[stage].data_version if stage in versions else None
            own = [row for (at, version, _), row in verdicts.items() if at == stage and version == made]
            try:
                guard(con, loaded.card.name, stage, loaded.digest, requirements)
                closed = None
            except GateClosed as error:
                closed = str(error)
            stages.append(
                {
                    "stage": stage,
                    "data_version": made,
                    "registry_state": versions[stage].registry_state if stage in versions else None,
                    "passed": sum(bool(row["passed"]) for row in own),
                    "failed": _not_passed(own, "error"),
                    "warned": _not_passed(own, "warn"),
                    "closed": closed,
                }
            )
    return {"dataset": loaded.card.name, "erasures": erasures, "quarantined": quarantined, "stages": stages}


def _unfinished(con: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, str]]:
    """Erasures that were begun, or swept without a successor."""
    try:
        steps = newest_steps(con).filter(pl.col("status") != "done")
    except duckdb.CatalogException:
        return []  # a warehouse of before there were any
    return [
        {
            "row_id": step["row_id"],
            "status": step["status"],
            "next": f"careful erase {name} --anchor {step['row_id']} --reason ...",
        }
        for step in steps.iter_rows(named=True)
    ]


def _not_passed(verdicts: list[dict[str, object]], severity: str) -> list[str]:
    return sorted(str(row["check_name"]) for row in verdicts if not row["passed"] and row["severity"] == severity)

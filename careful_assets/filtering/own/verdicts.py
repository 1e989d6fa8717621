"""What must hold of the suites among a dataset's own gates, beyond the rows that they refuse."""

from __future__ import annotations

import polars as pl

from careful_assets.provenance.verdicts import CheckView, Verdict


def own_expectations_hold(view: CheckView) -> Verdict:
    """Every critical expectation that speaks of all rows together holds; single rows are refused by the gate itself."""
    return _verdict(view, "critical")


def own_expectations_advise(view: CheckView) -> Verdict:
    """The same for expectations of severity warning; those of severity info are shown and no more."""
    return _verdict(view, "warning")


def _verdict(view: CheckView, severity: str) -> Verdict:
    declared = {(one.declared.name, one.sha256) for one in view.loaded.own_gates if one.declared.expectations}
    found = view.table("filtering.own_expectations").sort("gate", "expectation")
    if stale := {gate for gate, _ in declared ^ set(found.select("gate", "suite_sha256").iter_rows())}:
        names = ", ".join(sorted(stale))
        return Verdict(False, f"the rows were not held against {names} as it is now; materialize filtering again")
    if not declared:
        return Verdict(True, "no suite stands among the card's own gates: nothing was asked", {"expectations": 0})
    asked = found.filter(~pl.col("refuses"), pl.col("severity") == severity)
    failed = asked.filter(~pl.col("passed"))
    if failed.is_empty():
        return Verdict(True, f"{asked.height} expectations hold", {"expectations": asked.height})
    first = failed.row(0, named=True)
    where = f" of column {first['column_name']!r}" if first["column_name"] else ""
    return Verdict(
        False,
        f"{failed.height} of {asked.height} expectations fail, e.g. number {first['expectation']} of {first['gate']}, "
        f"{first['type']}{where}: {first['detail']}. Look at the rejects by reason, then mend the prompts or the suite "
        "and materialize again",
        {"failed": failed.select("gate", "expectation", "type", "detail").to_dicts()},
    )

"""What the filtering asset's page shows: rows gate by gate, how well the gates work, what people should read.

Belongs here: words and small tables for a reader. Does not belong here: any figure that is not in a table of the stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from careful_assets.card.overrides import GatesNow
from careful_assets.filtering.benchmark import CASCADE, CASCADE_ALONE, ODD, PLANTED, REAL
from careful_assets.measures.intervals import wilson
from careful_assets.measures.plots import bars
from careful_assets.warehouse.models import run_model_over

_MOST_VALUES = 16
_MOST_EXCLUSIONS, _LONGEST_WORDS = 8, 60
_DASH = "\u2011"  # at which no line breaks
_MOST_BARS = 8  # a longer picture is hidden behind a link


def shown(tables: Mapping[str, pl.DataFrame], now: GatesNow) -> dict[str, Any]:
    """The page's entries in their order. `tables`: the stage's own, and generation's candidates and requests."""
    reasons = run_model_over(tables, "filtering/rejects_by_reason")
    flow = run_model_over(tables, "filtering/gate_flow").sort("position")
    rounds = tables["provenance.rounds"]
    candidates, kept = tables["generation.candidates"].height, int(flow["passed"][-1]) if flow.height else 0
    return {
        **_nothing_left(candidates, kept, reasons),
        "candidates": candidates,
        "kept": kept,
        "rejected": candidates - kept,
        "rejected by reason": reasons.rename({"n": "rows"}).to_dicts(),
        "rows left after each gate": _cascade(candidates, flow),
        "gates in order": flow.drop("position").to_dicts(),
        "overrides": now.overrides,
        **({"lapsed overrides": now.lapsed} if now.lapsed else {}),
        **_quality(tables["filtering.gate_quality"], flow["gate"].to_list()),
        "planted, and not refused": _missed(tables["filtering.gate_quality"]),
        "rejects for people to read": _sample(tables["filtering.reject_samples"]),
        "balance": _balance(tables["filtering.balance"]),
        "rounds": _rounds(rounds),
    }


def exclusions(standing: pl.DataFrame, decisions: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """What people excluded and why, with the rows that each record takes out; nothing where nothing is excluded."""
    if standing.is_empty():
        return {}
    numbered = standing.select("kind", "item", "reason", evidence=pl.format("exclusion {}", "seq"))
    found = decisions.filter(pl.col("position") < 0, ~pl.col("passed")).group_by("evidence").len("rows")
    counted = numbered.join(found, on="evidence", how="left").with_columns(pl.col("rows").fill_null(0))
    shown = counted.tail(_MOST_EXCLUSIONS).select("kind", "item", "rows", pl.col("reason").str.head(_LONGEST_WORDS))
    return {"excluded by people": shown.to_dicts()}


def _nothing_left(candidates: int, kept: int, reasons: pl.DataFrame) -> dict[str, str]:
    if kept:
        return {}
    if not candidates:
        return {"nothing is left": "generation gave no candidates; labeling has nothing to label and stops"}
    gate, reason, n = reasons.sort("n", descending=True).row(0)
    words = f"all {candidates} candidates were refused, {n} of them as {gate}/{reason}; labeling stops"
    return {"nothing is left": words}


def _cascade(candidates: int, flow: pl.DataFrame) -> bytes:
    """Drawn are the gates that refused something, those with most rejects if they are many."""
    drawn = flow.filter(pl.col("rejected") > 0).top_k(_MOST_BARS, by="rejected").sort("position")
    return bars(["generated", *drawn["gate"]], [candidates, *drawn["passed"]])


def _quality(quality: pl.DataFrame, order: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Two tables with a line a gate: recall on what was planted for it, and the real and odd rows that it refused."""
    counts = {
        (row["gate"], row["side"]): (row["refused"], row["n"])
        for row in run_model_over({"filtering.gate_quality": quality}, "filtering/quality_by_gate").to_dicts()
    }
    gates = sorted({gate for gate, _ in counts} - {CASCADE, CASCADE_ALONE})
    gates.sort(key=lambda gate: order.index(gate) if gate in order else len(order))
    recall = [{"gate": gate, **_rate("refused", counts.get((gate, PLANTED)))} for gate in gates]
    real = [{"gate": gate, **_rate("real", counts.get((gate, REAL)))} for gate in [*gates, CASCADE_ALONE, CASCADE]]
    for line in real:
        refused, odd = counts.get((line["gate"], ODD), (0, 0))
        line["odd"] = f"{refused}/{odd}" if odd else ""
    return {"planted rows refused": recall, "real and odd rows refused": real}


def _rate(title: str, counts: tuple[int, int] | None) -> dict[str, str]:
    """A share in percent with its Wilson interval, and what it is of."""
    share = wilson(*counts) if counts else wilson(0, 0)
    if share.value is None or share.low is None or share.high is None:
        return {title: "not measured", "95%": "", "of": ""}
    low, high = (f"{100 * bound:.1f}" for bound in (share.low, share.high))
    return {title: f"{100 * share.value:.1f}%", "95%": f"{low}{_DASH}{high}", "of": str(share.n)}


def _missed(quality: pl.DataFrame) -> list[dict[str, Any]] | str:
    planted = quality.filter((pl.col("side") == PLANTED) & (pl.col("refused") < pl.col("n")))
    if planted.is_empty():
        return "nothing"
    return planted.select("gate", "kind", "refused", pl.col("n").alias("planted")).to_dicts()


def _sample(samples: pl.DataFrame) -> list[str]:
    if samples.is_empty():
        return ["none: nothing was refused"]
    reasons = samples.select("gate", "reason").unique().height
    return [f"{samples.height} rows of {reasons} gates and reasons, by id in filtering.reject_samples"]


def _balance(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Shares before the first and after the last gate, beside the anchors'."""
    values = table.filter(pl.col("label").is_null())
    key = ["attribute", "value"]
    first = values.filter(pl.col("position") == pl.col("position").min()).select(*key, "share_before", "anchors_share")
    last = values.filter(pl.col("position") == pl.col("position").max()).select(*key, "share_after")
    rows = first.join(last, on=key, how="left").sort(key).head(_MOST_VALUES)
    return [
        {
            "value": f"{row['attribute']}: {row['value']}",
            "generated": row["share_before"],
            "kept": row["share_after"],
            "anchors": row["anchors_share"],
        }
        for row in rows.iter_rows(named=True)
    ]


def _rounds(rounds: pl.DataFrame) -> list[dict[str, Any]]:
    """Few columns: the page is narrow."""
    table = rounds.sort("round", "stratum").rename({"stratum": "label", "coverage_noise": "noise"})
    return table.select("round", "label", "asked", "kept", "coverage", "noise").to_dicts()

"""What the generation asset's page shows: counts, what was spent beside what was forecast, and three small pictures.

Belongs here: words, tables and pictures for a reader. Does not belong here: any figure that is not in a table of the
stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from careful_assets.card.models import Card
from careful_assets.llm.requests import GeneratorIdentity
from careful_assets.measures.plots import bars

_BINS = 8
_MOST_CAUSES = 6
_CAUSE_CHARACTERS = 40  # a picture is shown in place only below 1,000 characters
_FIGURES = ("requests", "tokens", "cost", "seconds")


def shown(card: Card, tables: Mapping[str, pl.DataFrame], identity: GeneratorIdentity, rounds: str) -> dict[str, Any]:
    """The page's entries in their order.

    `tables`: the stage's own; `identity`: of the generator at work; `rounds`: which is open or why none is, in words.
    """
    candidates, requests = tables["generation.candidates"], tables["generation.requests"]
    failures = requests.filter(pl.col("status") == "failed").group_by("cause").len("requests").sort("cause")
    return {
        "candidates": candidates.height,
        "rounds": rounds,
        "by label": candidates.group_by("requested_label", "finish_reason")
        .len("rows")
        .sort("requested_label", "finish_reason")
        .to_dicts(),
        "requests": requests.group_by("status").len("requests").sort("status").to_dicts(),
        **_held_back(card, requests),
        **_erased(requests),
        "failures": failures.to_dicts(),
        "sent again": int(requests["resent"].sum()),
        "generator": f"{identity.generator_id}, of the family {identity.family}",
        "generator revision": identity.revision or "not named",
        "generator digest": identity.digest,
        "answered by": requests.filter(pl.col("status") == "answered")
        .group_by("answered_by", "fingerprint")
        .len("requests")
        .sort("answered_by", "fingerprint")
        .to_dicts(),
        "prompts": requests.group_by("prompt_id", "prompt_sha256").len("requests").sort("prompt_id").to_dicts(),
        "tokens": int(requests["prompt_tokens"].sum()) + int(requests["completion_tokens"].sum()),
        "cost": _money(requests["cost"], card),
        "forecast and outcome": forecasts_shown(tables["generation.forecasts"]),
        "personal data": _personal(candidates),
        "rows in quarantine": candidates["text_digest"].count(),
        "what the finder of personal data finds": _recall(),
        **_pictures(candidates, requests, failures),
    }


def forecasts_shown(forecasts: pl.DataFrame) -> list[dict[str, Any]]:
    """One row a figure and round: what the probe promised, and what the round took."""
    return [
        {
            "round": row["round"],
            "figure": figure,
            "forecast": _figure(row[figure]),
            "took": _figure(row[f"actual_{figure}"]),
            "basis": row["basis"],
        }
        for row in forecasts.iter_rows(named=True)
        for figure in _FIGURES
    ]


def forecast_in_words(row: Mapping[str, Any], card: Card) -> str:
    """A row of `generation.forecasts` as a line for the log."""
    said = [f"{row['requests']:,} requests"]
    if row["tokens"] is not None:
        cost = "no price" if row["cost"] is None else f"{row['cost']:,.4f} {card.purpose.currency}"
        said += [f"about {row['tokens']:,} tokens", cost, f"{row['seconds']:,.0f} s"]
    return f"round {row['round']}: {', '.join(said)}, by {row['basis']}"


def histogram(values: pl.Series, unit: str) -> bytes | None:
    """How many values fall into each of eight equal bins between the least and the greatest; None without values.

    A bin is named by its lower end. Values that are all alike are one bin.
    """
    given = values.drop_nulls().cast(pl.Float64)
    if given.is_empty():
        return None
    low, high = float(given.min()), float(given.max())  # type: ignore[arg-type]
    size = _BINS if high > low else 1
    step = (high - low) / size or 1.0
    places = ((given - low) / step).floor().cast(pl.Int64).clip(0, size - 1)
    counts = [int((places == place).sum()) for place in range(size)]
    return bars([f"{low + step * place:.3g} {unit}" for place in range(size)], counts)


def _held_back(card: Card, requests: pl.DataFrame) -> dict[str, Any]:
    held = requests.filter(pl.col("status") == "held_back")
    if held.is_empty():
        return {}
    return {
        "held back": f"{held.height:,} requests, {held['completions'].sum():,} rows: {held['cause'][0]}. Raise "
        "generation.budget in the card and materialize generation again: it goes on from there"
    }


def _erased(requests: pl.DataFrame) -> dict[str, Any]:
    erased = requests.filter(pl.col("status") == "erased")
    if erased.is_empty():
        return {}
    return {
        "erased": f"{erased.height:,} requests erased: their prompts and rows are gone, what they took still counts"
    }


def _money(cost: pl.Series, card: Card) -> str:
    if cost.count() == 0 and cost.len():
        return "unknown: the card names no price"
    return f"{cost.sum():,.4f} {card.purpose.currency}"


def _recall() -> list[dict[str, Any]]:
    """The finder over its own planted records: what it finds of each kind, and how often it finds what is none."""
    from careful_assets.text.personal_data.planted import recall_by_kind  # its number plans take a moment to load

    return [
        {
            "kind": row["kind"],
            "found of planted": f"{row['found']} of {row['planted']}",
            "recall, 95%": f"{row['low']:.2f} to {row['high']:.2f}",
            "false alarms": f"{row['false_alarms']} of {row['lookalikes']}",
        }
        for row in recall_by_kind().iter_rows(named=True)
    ]


def _personal(candidates: pl.DataFrame) -> list[dict[str, Any]] | str:
    found = candidates.select(pl.col("personal_data").explode().alias("kind")).drop_nulls()
    return found.group_by("kind").len("rows").sort("kind").to_dicts() or "none found"


def _pictures(candidates: pl.DataFrame, requests: pl.DataFrame, failures: pl.DataFrame) -> dict[str, bytes]:
    most = failures.sort("requests", "cause", descending=[True, False]).head(_MOST_CAUSES)
    names = [cause[:_CAUSE_CHARACTERS] for cause in most["cause"]]
    drawn = {
        "lengths in characters": histogram(candidates["text"].str.len_chars(), "chars"),
        "latency of a request": histogram(requests["latency_s"], "s"),
        "errors by cause": bars(names, most["requests"].to_list()) if names else None,
    }
    return {title: picture for title, picture in drawn.items() if picture is not None}


def _figure(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"

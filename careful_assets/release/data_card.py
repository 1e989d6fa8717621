"""The data card, the human companion of the manifest: written from the run's facts, its chief part NOT good for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from careful_assets.card.models import Card

_GEMMA = (
    "The generated rows come from Gemma 3 270M. Gemma is provided under and subject to the Gemma Terms of Use found at "
    "ai.google.dev/gemma/terms; whoever passes these rows on passes those terms on."
)
_CANARY = (
    "Beside the rows lies `canaries.parquet` with a planted sentence that stands nowhere else: a corpus that holds it, "
    "or a model that completes it, has seen this folder. Leave it there; it is counted nowhere."
)
_RETIRED = (
    "Must not be used any more; each one's TOMBSTONE.json says why. Delete copies, and replace them by this version:"
)


def data_card(card: Card, manifest: dict[str, Any], results: pl.DataFrame, retired: Sequence[str] = ()) -> str:
    """The card as Markdown.

    `manifest`: as in the release folder; `results`: `training.results`; `retired`: earlier versions that were.
    """
    rows, life = manifest["rows"], card.lifecycle
    parts = [
        f"# {card.title}, version {manifest['version']}",
        card.description,
        "## NOT good for",
        _bullets(
            [f"**{entry.use}**: {entry.reason}" for entry in card.use_limits.forbidden]
            + [
                "**any measurement of how well a model does**: the generated rows are guesses, not measurements",
                f"**label gold**: {_checked_by_people(manifest)}",
                f"**mixes with more than {card.training.max_synthetic_share:.0%} generated rows in a class**",
                *(
                    f"**anything that asks who made a row**: {file['rows']} rows came in {file['file_name']}, with no "
                    "generator, prompt or seed on record"
                    for file in manifest["inherited"]
                ),
            ]
        ),
        "## Good for",
        _bullets([f"**{use}**, within the cap above" for use in card.use_limits.allowed]),
        "## The gap it fills",
        _bullets(
            [
                f"`{gap.label}`: {gap.current_count} real rows, {gap.target_count} wanted. {gap.why_not_collect} "
                f"If the rows are wrong: {gap.damage_if_wrong}"
                for gap in card.purpose.gap
            ]
        ),
        "## What is in it",
        f"{rows['real']} real rows and {rows['generated']} generated ones; `origin` says which is which.",
        *([_CANARY] if manifest["canaries"] else []),
        _table(manifest["labels"]),
        "## How it was made",
        f"Content digest `{manifest['content_digest']}`, card digest `{manifest['card_digest']}`.",
        _table(manifest["generators"]),
        *([_GEMMA] if any(entry["generator_family"] == "gemma" for entry in manifest["generators"]) else []),
        f"Real rows: {manifest['anchors']['source']}, {manifest['anchors']['licence']}, "
        f"sha256 `{manifest['anchors']['sha256']}`.",
        _bullets(card.anchors.citation),
        "## What was turned away",
        _table(manifest["rejected"]),
        "## What it does",
        "Scores on the sealed ruler, with 95% intervals (bootstrap over groups):",
        _table(_results(results)),
        "## Who answers for it, and until when",
        f"{card.owner.name}, {card.owner.email}. Reviewed by {life.review_by}, retired by {life.retire_by}, "
        "or sooner when:",
        _bullets(life.retirement_triggers),
        *(["## Retired versions", _RETIRED, _bullets(retired)] if retired else []),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _checked_by_people(manifest: dict[str, Any]) -> str:
    """Why the labels are no gold, however many people looked at them."""
    if manifest["labels_checked_by_people"]:
        return "people have checked the label of each generated row, but one that was proposed to them"
    if manifest["reviewed_rows"]:
        of = manifest["rows"]["generated"]
        return f"people have checked the labels of {manifest['reviewed_rows']} of the {of} generated rows"
    return "no person has checked the labels of the generated rows"


def _results(results: pl.DataFrame) -> list[dict[str, Any]]:
    shown = results.filter(pl.col("slice") == "all").sort("name", "arm")
    return shown.select("arm", "name", "value", "low", "high", "n").to_dicts()


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "none"
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_cell(row[name]) for name in head) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value).replace("|", "\\|")

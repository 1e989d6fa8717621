"""A small card, exemplars and prompts."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import polars as pl

from careful_assets.card.models import Card
from careful_assets.card.prompts import Prompt


def prompt(text: str, name: str = "angry") -> Prompt:
    return Prompt(name, Path(f"prompts/{name}.jinja"), text, hashlib.sha256(text.encode()).hexdigest())


PROMPTS = [
    prompt(f"{name}: {{{{ label }}}}\n{{% for e in exemplars %}}- {{{{ e }}}}\n{{% endfor %}}-", name) for name in "abc"
]


def card(*, target: int = 40, n: int = 8, shown: int = 3, seed: int = 7, max_rounds: int = 1, generator=None) -> Card:
    return Card.model_validate(
        {
            "name": "complaints", "title": "Complaints", "description": "Angry sentences.",
            "owner": {"name": "Ada", "email": "ada@example.org"},
            "purpose": {
                "currency": "EUR",
                "gap": [
                    {
                        "label": label, "current_count": 10, "target_count": 10 + target, "why_not_collect": "rare",
                        "collecting": {"rows_per_day": 1, "cost_per_row": 1.0}, "damage": "moderate",
                        "damage_if_wrong": "complaints are missed",
                    }
                    for label in ("angry", "sad")
                ],
                "artifact_type": "rare_class", "use": "training", "nature": "simulation",
                "simulates": {"split": "exemplar", "labels": ["angry", "sad"], "words": "the reviews"},
                "verifier": {"kind": "judges", "who": "models", "cost_per_row": "none"},
            },
            "anchors": {
                "name": "reviews", "licence": "MIT", "owner": {"name": "Ada", "email": "ada@example.org"},
                "labels": ["angry", "sad", "glad"], "minimum_per_class": 1,
                "source": {
                    "kind": "csv", "path": "a.csv", "sha256": "0" * 64, "columns": {"text": "text", "label": "label"},
                },
                "split": {"salt": "s", "exemplar": 25, "train": 25, "holdout": 25, "vault": 25},
            },
            "generation": {
                "generator": generator or {"kind": "llm", "mode": "completion", "family": "gemma"},
                "prompts": ["prompts/a.jinja"], "exemplars_per_prompt": shown, "completions_per_request": n,
                "parameters": {"temperature": 0.9, "max_tokens": 32}, "seed": seed, "max_rounds": max_rounds,
                "forecast": {"kept_share": 0.5, "seconds_per_request": 1, "cost_per_request": 0},
            },
            "labeling": {"judges": ["first", "second"]},
            "evaluation": {"max_leak_share": 0.0, "ruler": {"visible_change": 0.2}},
            "training": {"max_synthetic_share": 0.5, "seed": 1},
            "use_limits": {"allowed": ["training"], "forbidden": []},
            "lifecycle": {
                "review_by": date(2027, 1, 1), "retire_by": date(2028, 1, 1), "retirement_triggers": ["drift"],
                "valid_until": dict.fromkeys(("owner", "verifier", "anchors"), date(2028, 1, 1)),
            },
        }
    )  # fmt: skip


def exemplars(groups: int = 6, rows: int = 3) -> pl.DataFrame:
    """`rows` rows of every label in each of `groups` groups."""
    return pl.DataFrame(
        [
            (f"{label}{group}.{row}", f"the {label} text {row} of group {group} .", label, f"g{group}")
            for label in ("angry", "sad", "glad")
            for group in range(groups)
            for row in range(rows)
        ],
        schema=["row_id", "text", "label", "group_id"],
        orient="row",
    )


ROUNDS = {
    "round": pl.Int32, "stratum": pl.String, "asked": pl.Int64, "answered": pl.Int64, "kept": pl.Int64,
    "coverage": pl.Float64, "coverage_noise": pl.Float64, "held_back": pl.Int64,
}  # fmt: skip


def rounds(*rows: tuple) -> pl.DataFrame:
    """Outcomes, in the order of ROUNDS; those without a last value held nothing back."""
    return pl.DataFrame([(*row, 0)[: len(ROUNDS)] for row in rows], schema=ROUNDS, orient="row")

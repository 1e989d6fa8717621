"""Small projects to run `careful` on: a card over a CSV file of planted reviews, so that nothing is fetched."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import random
import subprocess
import sys
from pathlib import Path

NAME = "phone_reviews"
CAREFUL = Path(sys.executable).parent / "careful"

_WORDS = {
    "bad": [
        "broken",
        "dead",
        "refused",
        "cracked",
        "smoking",
        "useless",
        "returned",
        "furious",
        "overheats",
        "junk",
        "faulty",
        "leaking",
    ],
    "fair": [
        "works",
        "okay",
        "usual",
        "plain",
        "average",
        "arrived",
        "standard",
        "expected",
        "ordinary",
        "decent",
        "normal",
        "so-so",
    ],
    "good": [
        "lovely",
        "bright",
        "sturdy",
        "quick",
        "delightful",
        "perfect",
        "superb",
        "cheerful",
        "crisp",
        "excellent",
        "wonderful",
        "neat",
    ],
}
_THINGS = [
    "screen",
    "battery",
    "charger",
    "camera",
    "speaker",
    "button",
    "case",
    "cable",
    "lens",
    "strap",
    "manual",
    "box",
]
_TIMES = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "morning",
    "evening",
    "night",
    "noon",
    "week",
]


def review_rows(groups: int = 60, seed: int = 3) -> list[dict[str, str]]:
    """Three labels, nine rows a group; no two texts alike."""
    rng = random.Random(seed)
    rows, seen = [], set()
    for group in range(groups):
        for number in range(9):
            label = ("bad", "fair", "good")[number % 3]
            while True:
                said, thing, time = rng.sample(_WORDS[label], 3), rng.choice(_THINGS), rng.choice(_TIMES)
                text = f"The {thing} was {said[0]} and {said[1]} on {time}, number {rng.randrange(10**5)} is {said[2]}."
                if text not in seen:
                    break
            seen.add(text)
            rows.append({"id": f"{group}-{number}", "review": str(group), "text": text, "label": label})
    return rows


def as_csv(rows: list[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def card_text(sha256: str, *, name: str = NAME, generator: str = "{kind: ngram}", rows: int = 180) -> str:
    return f"""\
name: {name}
title: Phone reviews, topped up
description: Planted reviews of phones.
owner: {{name: Ada, email: ada@example.org}}
purpose:
  currency: EUR
  gap:
    - label: bad
      current_count: {rows}
      target_count: {rows + 48}
      why_not_collect: rare
      collecting: {{rows_per_day: 2, cost_per_row: 1.5}}
      damage: minor
      damage_if_wrong: missed
  artifact_type: rare_class
  use: training
  nature: simulation
  simulates: {{split: exemplar, labels: [bad], words: The bad reviews of the exemplar split.}}
  verifier: {{kind: judges, who: two classifiers, cost_per_row: none}}
anchors:
  name: reviews
  source:
    kind: csv
    path: anchors.csv
    sha256: {sha256}
    columns: {{text: text, label: label, key: id, group: review}}
  owner: {{name: Grace, email: grace@example.org}}
  licence: CC0-1.0
  labels: [bad, fair, good]
  split: {{salt: s, exemplar: 25, train: 30, holdout: 20, vault: 25}}
  minimum_per_class: 5
generation:
  generator: {generator}
  prompts: [prompts/plain.jinja]
  exemplars_per_prompt: 3
  completions_per_request: 4
  parameters: {{temperature: 0.9, top_p: 0.95, max_tokens: 48, stop: ["\\n"]}}
  seed: 11
  forecast: {{kept_share: 0.5, seconds_per_request: 1, cost_per_request: 0}}
labeling: {{judges: [tfidf_logreg, nearest_anchors], confirmations: 1}}
evaluation: {{max_leak_share: 0.1, ruler: {{visible_change: 0.3}}}}
training: {{max_synthetic_share: 0.5, seed: 11}}
use_limits:
  allowed: [training]
  forbidden: [{{use: evaluation, reason: They measure the generator.}}]
lifecycle:
  review_by: 2036-05-22
  retire_by: 2036-11-22
  valid_until: {{owner: 2036-11-22, verifier: 2036-11-22, anchors: 2036-11-22}}
  retirement_triggers: [The gap is closed.]
"""


def make_project(root: Path, *, name: str = NAME, generator: str = "{kind: ngram}", groups: int = 60) -> Path:
    """A project folder with one dataset that holds, its anchors in so many groups of nine; returns the folder."""
    rows = review_rows(groups)
    data = as_csv(rows)
    folder = root / "cards" / name
    (folder / "prompts").mkdir(parents=True)
    (folder / "anchors.csv").write_bytes(data)
    (folder / "prompts" / "plain.jinja").write_text(
        "Reviews that are {{ label }}:\n{% for text in exemplars %}- {{ text }}\n{% endfor %}-", encoding="utf-8"
    )
    bad = sum(row["label"] == "bad" for row in rows)
    text = card_text(hashlib.sha256(data).hexdigest(), name=name, generator=generator, rows=bad)
    (folder / "card.yaml").write_text(text, encoding="utf-8")
    return root


def careful(
    *arguments: str | Path,
    cwd: Path,
    timeout: float = 120,
    prefix: tuple[str, ...] = (),
    command: Path = CAREFUL,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run the installed command, or another in its place. No trace of a Python error may ever reach a person."""
    done = subprocess.run(
        [*prefix, str(command), *map(str, arguments)],
        cwd=cwd, env=clean_environment() | environment, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert "Traceback (most recent call last)" not in said, said
    return done


def clean_environment() -> dict[str, str]:
    """This process's environment without what would point the command elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("CAREFUL_", "DAGSTER_"))}

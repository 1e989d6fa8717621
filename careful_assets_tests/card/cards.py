"""A small valid card, written to a folder of its own, for tests to break."""

from __future__ import annotations

from pathlib import Path

CARD = """\
name: tickets
title: Tickets
description: Support tickets.
owner: {name: Ada, email: ada@example.org}
purpose:
  currency: EUR
  gap:
    - label: rare
      current_count: 20
      target_count: 60
      why_not_collect: It takes a year.
      collecting: {rows_per_day: 0.1, cost_per_row: 2}
      damage: moderate
      damage_if_wrong: A ticket is lost.
  artifact_type: rare_class
  use: training
  nature: simulation
  simulates: {split: exemplar, labels: [rare], words: The rare tickets.}
  verifier: {kind: judges, who: Two classifiers, cost_per_row: Nothing}
anchors:
  name: real_tickets
  source:
    kind: csv
    path: ../tickets.csv
    sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    columns: {text: body, label: intent}
  owner: {name: Grace, email: grace@example.org}
  licence: CC0
  labels: [rare, common]
  split:
    salt: s
    exemplar: 15
    train: 35
    holdout: 20
    vault: 30
  minimum_per_class: 5
generation:
  generator: {kind: ngram, order: 3}
  prompts: [prompts/ask.jinja]
  exemplars_per_prompt: 4
  completions_per_request: 8
  parameters: {temperature: 0.9, max_tokens: 64, stop: ["\\n"]}
  forecast: {kept_share: 0.5, seconds_per_request: 2, cost_per_request: 0.01}
  seed: 1
filtering:
  overrides:
    - gate: minimum_length
      threshold: 2
      reason: Terse tickets are real.
labeling:
  judges: [tfidf_logreg, nearest_anchors]
  confirmations: 1
evaluation:
  max_leak_share: 0.05
  ruler: {visible_change: 0.2}
  slices:
    - {name: terse, labels: [rare], min_tokens: 1, max_tokens: 7}
training: {max_synthetic_share: 0.5, seed: 1}
use_limits:
  allowed: [training]
  forbidden:
    - {use: evaluation, reason: Not real.}
lifecycle:
  review_by: 2027-05-22
  retire_by: 2027-11-22
  valid_until: {owner: 2027-11-22, verifier: 2027-11-22, anchors: 2027-11-22}
  retirement_triggers: [The gap closes.]
"""

PROMPT = "{{ label }} tickets:\n{% for exemplar in exemplars %}- {{ exemplar }}\n{% endfor %}-\n"


def write_card(parent: Path, text: str | bytes = CARD, prompt: str | bytes = PROMPT, name: str = "tickets") -> Path:
    """A dataset folder with this card and this prompt; the card's path."""
    folder = parent / name
    (folder / "prompts").mkdir(parents=True, exist_ok=True)
    (folder / "prompts" / "ask.jinja").write_bytes(prompt if isinstance(prompt, bytes) else prompt.encode())
    card = folder / "card.yaml"
    card.write_bytes(text if isinstance(text, bytes) else text.encode())
    return card


def swapped(*pairs: tuple[str, str], text: str = CARD) -> str:
    """The card with pieces of text exchanged; each piece must stand there once."""
    for old, new in pairs:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        text = text.replace(old, new)
    return text


def line_of(piece: str, text: str) -> int:
    """The line, from 1, on which a piece of text starts."""
    return text.count("\n", 0, text.index(piece)) + 1

"""The gate `seed_echo`: a row does not repeat the real rows that its own prompt showed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from careful_assets.filtering.gate import SHORTEST_JUDGED, TOO_SHORT, Beside, Decision, ThresholdRange, needed
from careful_assets.text.echo import Passage, Wording, longest_common_passage


@dataclass(frozen=True)
class _Echo:
    """What a row has in common with one writing of one parent; `thousandths` is the larger of the two shares."""

    parent: str
    passage: Passage
    phrases: int
    thousandths: int


class SeedEcho:
    """Refuses rows of which one parent holds as large a share as the threshold, word for word.

    Two shares of the row are measured, and the larger counts: that of the longest passage that it has in common
    with the parent (characters of the normal form), and that of its runs of five words that stand in the parent.
    Rows under eight tokens are judged only where the parent holds all of their words in one piece: an echo of
    fewer is everyday wording. Every writing of a parent that changed counts. Of equal echoes the parent with the
    smallest `row_id` is named. A row whose parent is no open anchor (any more) is refused: what it
    repeats cannot be told. A row without parents repeats none.
    """

    name = "seed_echo"
    version = 1
    reasons: tuple[str, ...] = ("echoes_parent", "parent_not_found")
    abstentions: tuple[str, ...] = (TOO_SHORT,)
    threshold_range: ThresholdRange | None = ThresholdRange("thousandths of the row that one parent holds", 1, 1000)

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each row against its parents alone; the score is its largest share, in whole thousandths."""
        least = needed(threshold)
        # Rows come in no order of parents, and an exemplar is shown in many prompts.
        wording = lru_cache(maxsize=100_000)(Wording)
        decisions = []
        for text, parent_ids in rows.select("text", "parent_ids").iter_rows():
            lost = [parent for parent in parent_ids or () if parent not in beside.texts]
            if lost:
                evidence = f"{len(lost)} of {len(parent_ids)} parents are no open anchors"
                decisions.append(Decision(False, "parent_not_found", matched_row_id=min(lost), evidence=evidence))
                continue
            parents = [
                (parent, wording(known)) for parent in sorted(set(parent_ids or ())) for known in beside.texts[parent]
            ]
            decisions.append(_decide(Wording(text), parents, least))
        return decisions


def _decide(row: Wording, parents: Sequence[tuple[str, Wording]], least: float) -> Decision:
    if len(row.words) < SHORTEST_JUDGED:
        parent = next((parent for parent, known in parents if known.holds(row)), None)
        if parent is None:
            return Decision(True, TOO_SHORT)
        evidence = f"all of its {len(row.words)} words stand in the parent"
        return Decision(False, "echoes_parent", 1000.0, parent, evidence)
    echoes = [_echo(row, parent, known) for parent, known in parents]
    largest = max(echoes, key=lambda echo: echo.thousandths, default=None)
    if largest is None:
        return Decision(True, score=0.0)
    score = float(largest.thousandths)
    if score < least:
        return Decision(True, score=score)
    return Decision(False, "echoes_parent", score, largest.parent, _in_words(largest, row))


def _echo(row: Wording, parent: str, known: Wording) -> _Echo:
    passage = longest_common_passage(row.normal, known.normal)
    phrases = len(row.phrases & known.phrases)
    shares = 1000 * passage.length // len(row.normal), 1000 * phrases // len(row.phrases)
    return _Echo(parent, passage, phrases, max(shares))


def _in_words(echo: _Echo, row: Wording) -> str:
    first, last = echo.passage.start + 1, echo.passage.start + echo.passage.length
    return (
        f"characters {first} to {last} of {len(row.normal)} (normal form), "
        f"{echo.phrases} of {len(row.phrases)} five-word runs"
    )

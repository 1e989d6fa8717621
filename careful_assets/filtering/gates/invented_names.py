"""The gate `invented_names`: a row speaks of no person and no company that no real row speaks of.

Whether a cell wants it is its profile's business: a demo may have invented people in it, training and evaluation sets
that pass for real may not. Places, products and makes are no names here.
"""

from __future__ import annotations

import polars as pl

from careful_assets.filtering.gate import Beside, Decision, ThresholdRange
from careful_assets.text.proper_names import ProperName, companies, known_words, persons


class InventedNames:
    """Refuses rows with the name of a person or a company whose words stand in no anchor, side by side and in order.

    Case, possessives and a company's legal form make no difference. An anchor's word is enough, whatever it stands
    for there: the gate rather lets a name pass than refuse an odd row.
    """

    name = "invented_names"
    version = 1
    reasons: tuple[str, ...] = ("invented_person", "invented_company")
    abstentions: tuple[str, ...] = ()
    threshold_range: ThresholdRange | None = None

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each row against the anchors; persons by the finder's record, companies by the text."""
        named = [_names(text, kinds) for text, kinds in rows.select("text", "personal_data").iter_rows()]
        known = known_words({one.words for names in named for one in names}, beside.anchors["text"])
        return [_decide([one for one in names if one.words not in known]) for names in named]


def _names(text: str, kinds: list[str] | None) -> list[ProperName]:
    # The finder has looked already; most rows hold no name.
    has_person = kinds is None or "name" in kinds
    return [*(persons(text) if has_person else ()), *companies(text)]


def _decide(invented: list[ProperName]) -> Decision:
    if not invented:
        return Decision(True)
    first = invented[0]
    evidence = f"characters {first.start + 1} to {first.end}; names that no anchor has: {len(invented)}"
    return Decision(False, f"invented_{first.kind}", evidence=evidence)

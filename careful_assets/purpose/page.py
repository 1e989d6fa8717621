"""What the purpose asset's page shows: CAREFUL as a table, the answers, and the figures behind them in words.

Belongs here: words and small tables for a reader. Does not belong here: any figure that is not in a table of the stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from careful_assets.card.models import Card
from careful_assets.card.reader import LoadedCard
from careful_assets.provenance.verdicts import LETTERS
from careful_assets.purpose.answers import ANSWERED_BY
from careful_assets.purpose.gaps import span
from careful_assets.purpose.ruler import in_words

_MOST_RATES = 60


def shown(
    loaded: LoadedCard, tables: Mapping[str, pl.DataFrame], still_open: Mapping[str, Mapping[str, int]]
) -> dict[str, Any]:
    """The page's entries in their order. `tables`: the stage's own; `still_open`: as from `unanswered`."""
    card = loaded.card
    answers = tables["purpose.answers"].iter_rows(named=True)
    limits = tables["purpose.limits"].row(0, named=True)
    entries: dict[str, Any] = {
        "title": card.title,
        "description": card.description.strip(),
        "CAREFUL": _careful(card.name, still_open),
    }
    for row in answers:
        answer = row["answer"].replace(".;", ";").replace(".)", ")").rstrip(".")
        entries[f"{row['letter']}: {LETTERS[row['letter']]}"] = f"{answer}. Evidence: {row['evidence']}"
    entries |= _gap_entries(card, tables["purpose.gaps"])
    entries["what the ruler can show"] = [
        in_words(row, card.anchors.split.vault) for row in tables["purpose.ruler"].iter_rows(named=True)
    ]
    entries["what the damage demands"] = _limits(card, limits)
    entries |= _simulated(card, tables["purpose.simulated"]) | _bias(card, tables["purpose.bias"])
    return entries | {"cell": card.purpose.cell, "card digest": loaded.digest}


def _careful(dataset: str, still_open: Mapping[str, Mapping[str, int]]) -> list[dict[str, str]]:
    """Short on purpose: the UI shows a table in place only below 1,000 characters."""
    table = []
    for letter, words in LETTERS.items():
        stage, later = ANSWERED_BY[letter], still_open[letter]
        n = sum(later.values())
        waiting = [f"{', '.join(later)}: {n} check{'s' * (n != 1)}"] if later else []
        waiting += ["reading by people"] if letter == "F" else []
        table.append(
            {
                "letter": f"{letter} {words}",
                "answered by": f"[{stage}](/assets/{dataset}/{stage})",
                "open": "; ".join(waiting) or "nothing",
            }
        )
    return table


def _gap_entries(card: Card, gaps: pl.DataFrame) -> dict[str, Any]:
    currency = card.purpose.currency
    entries: dict[str, Any] = {
        "gap": gaps.select("label", "claimed", "counted", "target", "missing", "damage").to_dicts(),
        "collecting or generating": [
            {
                "label": row["label"],
                "rows": row["missing"],
                "collecting takes": f"{span(row['collect_days'])}, {row['collect_cost']:,.2f} {currency}",
                "generating is to take": f"{span(row['generate_days'])}, {row['generate_cost']:,.2f} {currency}, "
                f"{row['generate_requests']:,} requests",
            }
            for row in gaps.iter_rows(named=True)
        ],
    }
    return entries | {f"if {gap.label} is wrong": gap.damage_if_wrong.strip() for gap in card.purpose.gap}


def _limits(card: Card, limits: Mapping[str, Any]) -> list[str]:
    return [
        f"{limits['level']} damage, the highest of the gaps",
        f"review: {limits['review']}; open, for nothing counts yet what people read",
        f"generated rows in a class: at most {_percent(limits['max_synthetic_share_cap'])}, checked by "
        f"{card.purpose.verifier.kind}; the card takes {_percent(card.training.max_synthetic_share)}",
        f"leaks: at most {_percent(limits['max_leak_share_cap'])}; the card takes "
        f"{_percent(card.evaluation.max_leak_share)}",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:g}%"


def _simulated(card: Card, simulated: pl.DataFrame) -> dict[str, Any]:
    drawn = card.purpose.simulates
    if drawn is None:
        return {"draws from": "no measured distribution: it is a fabrication"}
    return {
        "draws from": simulated.to_dicts(),
        "what it draws from": f"{drawn.words.strip()} How well it fits is open.",
    }


def _bias(card: Card, bias: pl.DataFrame) -> dict[str, Any]:
    if bias.is_empty():
        named = getattr(card.anchors.source, "columns", None)
        said = (
            f"no open row states any of {', '.join(named.attributes)}"
            if named and named.attributes
            else "no columns named: the card names none in anchors.source.columns.attributes"
        )
        return {"bias": said}
    rates = bias.filter(pl.col("label").is_not_null())
    left_out = max(rates.height - _MOST_RATES, 0)
    more = f"; {left_out} more rates are in purpose.bias" if left_out else ""
    return {
        "bias: shares": _rates(bias.filter(pl.col("label").is_null())),
        "bias: labels": _rates(rates),
        "bias: which rows": f"open anchors only: what sealed rows state stays sealed{more}",
    }


def _rates(rates: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "value": f"{row['attribute']}: {row['value']}",
            **({} if row["label"] is None else {"label": row["label"]}),
            "rate": row["rate"],
            "95%": f"{row['low']:.3f} to {row['high']:.3f}",
            "rows": f"{row['n']:,} of {row['of']:,}",
        }
        for row in rates.head(_MOST_RATES).iter_rows(named=True)
    ]

"""What a vintage's open rows look like, and how far they moved from the vintage before.

Labels are counted over all open rows; lengths (in words) and vocabulary over at most 100,000 of them, those with the
smallest ids, which are digests and so a sample by chance. Sealed rows are not looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import duckdb
import polars as pl

from careful_assets.card.anchors import MaxDrift
from careful_assets.measures.drift import jensen_shannon
from careful_assets.provenance.digests import canonical
from careful_assets.text.normalize import hash64, tokens
from careful_assets.warehouse.models import run_model

SAMPLE = 100_000
# Lengths are counted in classes that widen: 0, 1, 2-3, 4-7, 8-15 words and so on.
KINDS = ("label", "length", "word")
_NAMES = {"label": "labels", "length": "lengths", "word": "vocabulary"}
_PROFILE = {"vintage": pl.Int32, "kind": pl.String, "item": pl.String, "n": pl.Int64}
_DRIFT = {
    "vintage": pl.Int32, "name": pl.String, "value": pl.Float64, "n": pl.Int64, "threshold": pl.Float64,
    "config": pl.String,
}  # fmt: skip


def profile_of(con: duckdb.DuckDBPyConnection, vintage: int) -> pl.DataFrame:
    """Labels, lengths and words of the staged open rows: vintage, kind, item (a word as its hash), n."""
    counts = {kind: Counter[str]() for kind in KINDS}
    counts["label"] = Counter(dict(run_model(con, "anchors/open_labels").iter_rows()))
    # Ids are digests: the smallest of them are a sample by chance, and the same in every run.
    sample = con.table("staged.open_rows").filter("split <> 'aside'").order("row_id").limit(SAMPLE)
    for (text,) in sample.select("text").fetchall():
        words = tokens(text)
        counts["length"][f"{len(words).bit_length()}"] += 1
        counts["word"].update(f"{hash64(word)}" for word in words)
    rows = [(vintage, kind, item, n) for kind in KINDS for item, n in sorted(counts[kind].items())]
    return pl.DataFrame(rows, schema=_PROFILE, orient="row")


def drift_of(
    profiles: pl.DataFrame, changes: pl.DataFrame, rows_before: int | None, vintage: int, limits: MaxDrift
) -> pl.DataFrame:
    """One row a measure, for a vintage that has one before it: the Jensen-Shannon distances, and the share removed.

    Args:
        profiles: those of this vintage and of earlier ones.
        changes: `anchors.changes`, sealed rows' among them.
        rows_before: how many rows the vintage before had; None: there is none.
        vintage: this one.
        limits: the card's.
    """
    measured = _drift(profiles, changes, rows_before, vintage, limits) if rows_before is not None else []
    return pl.DataFrame(list(measured), schema=_DRIFT)


def _drift(
    profiles: pl.DataFrame, changes: pl.DataFrame, rows_before: int, vintage: int, limits: MaxDrift
) -> Iterator[dict[str, object]]:
    earlier = vintage - 1
    for kind in KINDS:
        before, now = (_counts(profiles, number, kind) for number in (earlier, vintage))
        config = canonical({"distance": "Jensen-Shannon, base 2", "against": earlier, "sample": SAMPLE})
        yield _row(vintage, _NAMES[kind], jensen_shannon(before, now), sum(now.values()), limits, config)
    removed = changes.filter((pl.col("vintage") == vintage) & (pl.col("change") == "removed")).height
    config = canonical({"share of the rows of": earlier})
    yield _row(vintage, "removed", removed / rows_before, rows_before, limits, config)


def _counts(profiles: pl.DataFrame, vintage: int, kind: str) -> dict[str, int]:
    found = profiles.filter((pl.col("vintage") == vintage) & (pl.col("kind") == kind))
    return dict(found.select("item", "n").iter_rows())


def _row(vintage: int, name: str, value: float, n: int, limits: MaxDrift, config: str) -> dict[str, object]:
    threshold = getattr(limits, name)
    return {"vintage": vintage, "name": name, "value": value, "n": n, "threshold": threshold, "config": config}

"""From a source's own columns to anchors: what each column holds, as text, and the rows that cannot be anchors.

Belongs here: what one row, or one column, must hold. Does not belong here: what hangs on all rows together, such as
keys that repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import polars as pl

from careful_assets.anchors.sources.faults import MAX_REPORTED, FaultList
from careful_assets.anchors.sources.reading import PLACE, roles_of
from careful_assets.card.anchors import Columns

MAX_TEXT_CHARACTERS = 100_000
_SHOWN_CHARACTERS = 60
# Anything but white space (as Python knows it), control characters and those that have no width.
_VISIBLE = r"[^\s\p{Cc}\p{Cf}]"
_TEMPORAL = {pl.Date: "dates", pl.Datetime: "times", pl.Time: "times", pl.Duration: "durations"}


def anchor_rows(
    batch: pl.DataFrame, columns: Columns, labels: list[str], faults: FaultList, votes: str | None = None
) -> pl.DataFrame:
    """The batch's rows as anchors; what is wrong with them is added to `faults`, and they are only good if nothing is.

    Args:
        batch: `place` and the columns that `columns` and `votes` name, as a reading gives them.
        columns: which column holds what.
        labels: the card's.
        faults: of the source.
        votes: the column with the raters' votes.

    Returns:
        `place` Int64; `text`, `label`, `key`, `group` String; `votes` List(Int32); and one String column
        `attribute:<name>` an attribute. Absent or empty keys, groups and attributes are null.
    """
    made = [batch[PLACE]]
    for role, name in roles_of(columns):
        made.append(_as_text(batch[name], role, faults).alias(role))
    frame = pl.DataFrame(made)
    for role in ("key", "group"):
        if role not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.String).alias(role))
    _check(frame, columns, labels, faults)
    absent = pl.lit(None, pl.List(pl.Int32)).alias("votes")
    given = absent if votes is None else batch[votes].cast(pl.List(pl.Int32)).alias("votes")
    attributes = [name for name in frame.columns if name.startswith("attribute:")]
    blank = [pl.when(pl.col(name).str.contains(_VISIBLE)).then(pl.col(name)) for name in ("group", *attributes)]
    return frame.with_columns(*blank, given).select(PLACE, "text", "label", "key", "group", "votes", *attributes)


def finish(faults: FaultList, labels: list[str], rows: int, seen: Collection[str]) -> None:
    """After the last batch: what is wrong with the source as a whole; then stop if anything was.

    Args:
        faults: of the source.
        labels: the card's.
        rows: how many rows `anchor_rows` was given.
        seen: the labels that stand in them.

    Raises:
        MalformedInput: with all faults of the source.
    """
    for role in ("text", "label", "key"):
        if rows > 1 and faults.count(role, "missing") == rows:
            said = (
                f"is missing in every one of the {rows:,} rows; name the column that holds it in anchors.source.columns"
            )
            faults.replace(role, "missing", said)
    if not faults.faults:
        if not rows:
            faults.add(None, "", "holds no rows")
        else:
            for label in labels:
                if label not in seen:
                    said = f"no row has the label {label!r}; remove it from the card or add rows"
                    faults.add(None, "anchors.labels", said)
    faults.stop()


def text_of(series: pl.Series) -> pl.Series:
    """The column as String: whole numbers in decimal, dates in ISO 8601; NaN, lists, objects and bytes as null."""
    kind = series.dtype
    if _holds_no_texts(kind):
        return pl.Series(series.name, [None] * len(series), pl.String)
    if kind.is_temporal():
        return series.dt.to_string("iso:strict")
    return (series.fill_nan(None) if kind.is_float() else series).cast(pl.String)


def _holds_no_texts(kind: pl.DataType) -> bool:
    return kind.is_nested() or kind in (pl.Binary, pl.Object)


def _as_text(series: pl.Series, role: str, faults: FaultList) -> pl.Series:
    """The column as `text_of` gives it; notes types that the role does not take."""
    kind = series.dtype
    key = role.partition(":")[0]
    if _holds_no_texts(kind):
        what = "binary values" if kind == pl.Binary else "lists" if kind in (pl.List, pl.Array) else "objects"
        faults.add(None, key, f"the column {series.name!r} holds {what}, not texts; name another or convert it")
    elif role == "text" and not isinstance(kind, pl.String | pl.Categorical | pl.Enum | pl.Null):
        what = _TEMPORAL.get(kind.base_type(), "truth values" if kind == pl.Boolean else "numbers")
        faults.add(None, key, f"the column {series.name!r} holds {what}, not texts; name another or convert it")
    return text_of(series)


def _check(frame: pl.DataFrame, columns: Columns, labels: list[str], faults: FaultList) -> None:
    def note(role: str, kind: str, wrong: pl.Expr, message: Callable[[str], str]) -> None:
        found = frame.filter(wrong)
        if found.height:
            first = found.select(PLACE, pl.col(role).fill_null("")).head(MAX_REPORTED).iter_rows()
            key = role.partition(":")[0]
            faults.add_all(((place, message(value)) for place, value in first), found.height, key, kind)

    note("text", "missing", _missing("text"), lambda _: "is empty; remove the row")
    note("label", "missing", _missing("label"), lambda _: f"is missing; the card names {', '.join(labels)}")
    unknown = ~pl.col("label").is_in(labels) & ~_missing("label")
    note("label", "unknown", unknown, lambda label: _unknown_label(label, labels))
    if columns.key is not None:
        advice = "is empty; every row needs its own key, or name no key column in the card"
        note("key", "missing", _missing("key"), lambda _: advice)
    for role in [name for name in frame.columns if name != PLACE]:
        nul = pl.col(role).str.contains("\0", literal=True).fill_null(False)
        note(role, "nul", nul, lambda _: "holds a NUL character; clean the source")
        too_long = (pl.col(role).str.len_chars() > MAX_TEXT_CHARACTERS).fill_null(False)
        note(role, "long", too_long, _too_long)


def _missing(role: str) -> pl.Expr:
    return ~pl.col(role).str.contains(_VISIBLE).fill_null(False)


def _too_long(text: str) -> str:
    return f"has {len(text):,} characters, the limit is {MAX_TEXT_CHARACTERS:,}; split or remove it"


def _unknown_label(label: str, labels: list[str]) -> str:
    for known in labels:
        if label.strip().casefold() == known.strip().casefold():
            return f"is {label[:_SHOWN_CHARACTERS]!r}, the card's {known!r} but for case or space; write them alike"
    return f"is {label[:_SHOWN_CHARACTERS]!r}; the card names {', '.join(labels)}"

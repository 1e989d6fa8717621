"""How plain values become what the UI shows: tables, pictures and texts that it renders as they are meant."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import unquote
from xml.etree import ElementTree

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careful_assets.measures.plots import bars, intervals
from careful_assets.provenance.metadata import markdown_table, metadata_value

_SHOWN_IN_PLACE = 1000  # characters; the UI hides longer Markdown behind a link
_DIGEST = "0123456789abcdef" * 4
_TEXT = "{http://www.w3.org/2000/svg}text"
# What XML can hold at all; labels of a card are tamer still.
_NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=20)


@given(st.lists(st.tuples(_NAMES, st.integers(0, 10**6)), max_size=6))
def test_bars_carry_names_and_numbers_whatever_they_are_called(rows: list[tuple[str, int]]) -> None:
    """The picture is well-formed XML that says each name and number; no name can break out of it."""
    picture = ElementTree.fromstring(bars([name for name, _ in rows], [value for _, value in rows]))
    said = [text.text for text in picture.iter(_TEXT)]
    assert said == [f"{name} {value:,}" for name, value in rows]


def test_a_longer_bar_is_a_larger_number() -> None:
    """Bars are drawn to scale, the largest over the whole width."""
    path = ElementTree.fromstring(bars(["a", "b"], [50, 100]))[0].get("d")
    assert path is not None
    short, long = (int(part.split("h")[1]) for part in path.split("M")[1:])
    assert long == 2 * short


def test_intervals_lie_where_they_belong() -> None:
    """On the scale from 0 to 1 an interval from 0 to 0.5 takes its left half; what has none leaves a gap."""
    picture = ElementTree.fromstring(intervals(["a", "b"], [("one", [(0.25, 0.0, 0.5), None])]))
    grid, drawn = (path.get("d") for path in picture.iter("{http://www.w3.org/2000/svg}path"))
    assert grid is not None
    assert drawn is not None
    ticks = [int(part.split(" ")[0]) for part in grid.split("M")[1:]]
    low, high = drawn.split("M")[1].split(" ")[0], drawn.split("H")[1].split("M")[0]
    assert [int(low), int(high)] == ticks[:2]
    assert drawn.count("H") == 1


@pytest.mark.parametrize(
    "picture",
    [
        bars([f"gate_number_{number}" for number in range(12)], [1000] * 12),
        intervals([f"class_{number}" for number in range(6)], [(arm, [(0.5, 0.1, 0.9)] * 6) for arm in ("one", "two")]),
    ],
    ids=["bars", "intervals"],
)
def test_pictures_of_the_usual_size_are_shown_in_place(picture: bytes) -> None:
    """Twelve gates, or six classes in two arms, stay below the length at which the UI folds a picture away."""
    shown = metadata_value(picture, "a title")
    assert isinstance(shown, dg.MarkdownMetadataValue)
    text = shown.md_str or ""
    assert len(text) < _SHOWN_IN_PLACE
    assert text.startswith("![a title](<data:image/svg+xml,")
    assert unquote(text.removeprefix("![a title](<data:image/svg+xml,").removesuffix(">)")) == picture.decode()


def test_tables_are_legible() -> None:
    """Numbers stand to the right with thousands set apart, booleans are words, nothing is a dash, digests are cut."""
    made = datetime(2026, 11, 22, 9, 5, 7, 123, tzinfo=UTC)
    rows = [{"a_name": "x", "n": 1234, "ok": True, "share": 0.5, "why": None, "digest": _DIGEST, "made": made}]
    assert markdown_table(rows).splitlines() == [
        "|a name|n|ok|share|why|digest|made|",
        "|---|---:|---|---:|---|---|---|",
        "|x|1,234|yes|0.500|–|0123456789abcdef…|2026-11-22 09:05|",
    ]


def test_a_cell_cannot_break_its_table() -> None:
    """Pipes, line ends and tags in a cell stay in it."""
    (_, _, line) = markdown_table([{"a": "x|y\nz<b>"}]).split("\n")
    assert line == "|x\\|y z&lt;b>|"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ([], dg.MetadataValue.md("none")),
        (["one", "two"], dg.MetadataValue.md("- one\n- two")),
        (True, dg.MetadataValue.bool(True)),
        (7, dg.MetadataValue.int(7)),
        (0.5, dg.MetadataValue.float(0.5)),
        (_DIGEST, dg.MetadataValue.text(" ".join(["0123456789abcdef"] * 4))),
        ("a text", dg.MetadataValue.text("a text")),
    ],
    ids=str,
)
def test_values_are_shown_as_what_they_are(value: object, shown: dg.MetadataValue) -> None:
    """Lists are bullets, numbers numbers; a digest is whole, in groups that a narrow page can break."""
    assert metadata_value(value) == shown

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from careful_assets.card.reader import LoadedCard, read_card
from careful_assets.errors import MalformedInput
from careful_assets_tests.card.cards import CARD, write_card

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.text(max_size=8),
    st.sampled_from(["rare", "training", "prompts/ask.jinja", "..", "/", 10**400, -1, 0]),
    st.sampled_from([[], {}, [[]], {"kind": "csv"}]),
    st.lists(st.text(max_size=3), max_size=2), st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)  # fmt: skip


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*path, key)
        yield from places(inner, (*path, key))


PLACES = list(places(YAML(typ="safe", pure=True).load(CARD)))


def judged(text: str | bytes) -> LoadedCard | MalformedInput:
    """What the reader makes of a card; anything but a card or faults with a place fails the test."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_card(Path(folder), text)
        try:
            return read_card(path)
        except MalformedInput as error:
            refusal = error
    assert refusal.faults
    for fault in refusal.faults:
        assert fault.file.startswith(folder)
        assert fault.message
        str(fault).encode()  # can be shown
    return refusal


@settings(max_examples=60, deadline=None)
@given(
    edits=st.lists(
        st.tuples(st.sampled_from(PLACES), st.sampled_from(["delete", "retype", "add"]), VALUES, st.text(max_size=6)),
        min_size=1,
        max_size=4,
    )
)
def test_any_mutation_is_a_card_or_placed_faults(edits: list[tuple[Any, str, Any, str]]) -> None:
    """Whatever keys go, change their type or are added, the reader gives a card, or faults that each have a line."""
    values = YAML(typ="safe", pure=True).load(CARD)
    for path, edit, value, name in edits:
        around = values
        try:
            for step in path[:-1]:
                around = around[step]
            if edit == "delete":
                del around[path[-1]]
            elif edit == "retype":
                around[path[-1]] = value
            elif isinstance(around, dict):
                around[name] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier edit took the place away
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.representer.ignore_aliases = lambda _: True
    yaml.dump(values, out)
    result = judged(out.getvalue())
    if isinstance(result, MalformedInput):
        assert all(fault.line is not None for fault in result.faults), str(result)


@settings(max_examples=60, deadline=None)
@given(
    start=st.integers(0, len(CARD)),
    length=st.integers(0, 30),
    piece=st.one_of(
        st.text(alphabet="\n :-[]{}\"'#&*!|>%@`,?\\~=.0123456789exabn_+<", max_size=8), st.text(max_size=4)
    ),
)
@example(start=0, length=0, piece="%YAML 1.1\n---\n")
@example(start=6, length=7, piece="=")
@example(start=6, length=7, piece="<<")
def test_any_damage_to_the_text_is_a_card_or_faults(start: int, length: int, piece: str) -> None:
    """Text cut out and put in anywhere leaves a card, or faults, and never another error."""
    judged((CARD[:start] + piece + CARD[start + length :]).encode("utf-8", "surrogatepass"))


@settings(max_examples=60, deadline=None)
@given(
    scalar=st.one_of(
        st.text(alphabet="+-.:_0123456789abcdefoxETZ~<= ", max_size=24),
        st.from_regex(r"[-+]?0?[xob]?[0-9_:.e-]{1,20}"),
    )
)
def test_any_plain_value_is_read_or_refused(scalar: str) -> None:
    """Whatever stands where a value is expected, reading it gives a value or a fault."""
    judged(CARD.replace("current_count: 20", f"current_count: {scalar}"))


@settings(max_examples=50, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_card_or_faults(content: bytes) -> None:
    """A file of any bytes whatever is refused with faults."""
    assert isinstance(judged(content), MalformedInput)

"""Candidates of a cell that refuses personal data: masked where they are loaded, their raw texts withheld."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.generation.candidates import Loaded, load_candidates
from careful_assets.generation.scrubbing import without_refused
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.requests import Answer, Choice, digest_of
from careful_assets.text.personal_data.finder import find, kinds_in
from careful_assets.text.personal_data.planted import is_found, planted
from careful_assets.text.personal_data.spans import REFUSED
from careful_assets.warehouse.quarantine import text_digest
from careful_assets_tests.llm.stubs import request

KEY = b"k" * 32
TEXTS = [
    "write to jane.doe@example.org", "write to john.doe@example.org", "the screen broke", "thanks to Ann Miller",
    "Ann Miller's number is 212-555-0123",
]  # fmt: skip


def loaded(texts: list[str], key: bytes | None) -> Loaded:
    """The candidates of one request that was answered with these texts."""
    asked = request(0, n=len(texts))
    answer = Answer(asked.request_id, tuple(Choice(text, "stop") for text in texts), 1, 0.1)
    state = JournalState(requests={asked.request_id: asked}, answers={asked.request_id: answer})
    return load_candidates([asked], state, "rare_class", key)


def test_masked_text_and_digest_in_the_table_raw_text_withheld() -> None:
    """Findings but names are masked, the digest is that of the raw text, and other rows are as they came."""
    made = loaded(TEXTS, KEY)
    rows = made.candidates.sort("ordinal")
    assert rows["text"].to_list() == [
        "write to [email]", "write to [email]", "the screen broke", "thanks to Ann Miller",
        "Ann Miller's number is [phone]",
    ]  # fmt: skip
    assert rows["personal_data"].to_list() == [["email"], ["email"], [], ["name"], ["name", "phone"]]
    digests = [text_digest(KEY, TEXTS[place]) if place in (0, 1, 4) else None for place in range(5)]
    assert rows["text_digest"].to_list() == digests
    withheld = made.withheld.join(rows.select("row_id", "ordinal"), on="row_id").sort("ordinal")
    assert withheld["text"].to_list() == [TEXTS[place] for place in (0, 1, 4)]
    assert withheld["text_digest"].to_list() == [one for one in digests if one]
    assert withheld["kinds"].to_list() == [["email"], ["email"], ["name", "phone"]]


def test_the_id_is_made_from_what_is_stored() -> None:
    """Two rows that mask to one text differ by their place; from the same answers come the same rows."""
    made = loaded(TEXTS, KEY)
    assert made.candidates["row_id"].n_unique() == 5
    for row_id, request_id, ordinal, text in made.candidates.select(
        "row_id", "request_id", "ordinal", "text"
    ).iter_rows():
        assert row_id == digest_of([request_id, ordinal, text])
    again = loaded(TEXTS, KEY)
    assert made.candidates.equals(again.candidates)
    assert made.withheld.equals(again.withheld)
    other = loaded(TEXTS, b"o" * 32)
    assert other.candidates.drop("text_digest").equals(made.candidates.drop("text_digest"))


def test_a_cell_that_refuses_none_keeps_texts_as_they_came() -> None:
    """Nothing is masked or withheld; the findings are on record all the same."""
    made = loaded(TEXTS, None)
    assert made.candidates.sort("ordinal")["text"].to_list() == TEXTS
    assert made.candidates["text_digest"].null_count() == 5
    assert made.withheld.is_empty()
    assert made.candidates.sort("ordinal")["personal_data"].to_list()[0] == ["email"]


def test_no_answers_make_empty_frames() -> None:
    """Both frames have their columns."""
    made = loaded([], KEY)
    assert made.candidates.is_empty()
    assert made.withheld.columns == ["row_id", "text", "kinds", "text_digest"]


@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_whatever_is_found_of_the_benchmark_is_masked(kind: str) -> None:
    """Of a planted record that the finder knows, the stored text shows nothing."""
    records = [one for one in planted() if one.kind == kind and not one.is_lookalike and is_found(one)]
    assert records
    made = loaded([one.text for one in records], KEY)
    shown = made.candidates.sort("ordinal")["text"].to_list()
    assert all(one.record not in text for one, text in zip(records, shown, strict=True))
    assert made.withheld.height == len(records)


PIECES = st.sampled_from(
    ["Ann Miller", "ann@example.org", "Miller@x.co", "212 555 0123", "account", "12345678", "my name is", "[email]",
     "@", " ", ". ", "x", "4945807302157365", "12 High Street"]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=8).map(" ".join) | st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30))
def test_nothing_of_a_refused_kind_is_left(text: str) -> None:
    """Whatever stands beside it, names that stay among it, no refused kind is found in a masked text again."""
    shown = without_refused(text, kinds_in(text))
    assert not REFUSED.intersection(one.kind for one in find(shown))
    assert without_refused(shown, kinds_in(shown)) == shown


def test_an_address_that_a_name_runs_into_is_no_name() -> None:
    """What holds more than a name counts as what it holds, so that it cannot hide behind a kind that stays."""
    assert kinds_in("Christopher Miller@x.co wrote") == ["email"]
    frame = loaded(["Christopher Miller@x.co wrote"], KEY).candidates
    assert frame.select(pl.col("text")).item() == "[email] wrote"

"""The content digest: a Merkle root over all that a row is and where it came from, whatever order rows lie in."""

from __future__ import annotations

import hashlib

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.provenance.release_content import (
    RECORD_FIELDS,
    ROW_FIELDS,
    content_digest,
    leaf_digests,
    merkle_root,
)
from careful_assets_tests.release.contents import RECORDS, ROWS

A, B, C = (hashlib.sha256(letter).digest() for letter in (b"a", b"b", b"c"))


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def test_roots_of_few_leaves_are_those_computed_by_hand() -> None:
    """No leaf gives the digest of nothing, one itself, two their node; of three the odd one moves up."""
    assert merkle_root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle_root([A]) == A
    assert merkle_root([A, B]) == node(A, B)
    assert merkle_root([A, B, C]) == node(node(A, B), C)
    assert merkle_root([A, B, C, A, B]) == node(node(node(A, B), node(C, A)), B)


def test_a_leaf_is_its_row_in_one_spelling() -> None:
    """A row's leaf hashes the prefix 0 and the JSON of its fields and its record's; a real row has nulls for these."""
    spelled = '["g1","it fell apart","bad","train","generated","d1","p1","{\\"t\\":1}",7,["a1"]]'
    leaves = leaf_digests(ROWS, RECORDS)
    assert leaves["g1"] == hashlib.sha256(b"\x00" + spelled.encode()).digest()
    real = '["a1","it broke","bad","train","real",null,null,null,null,null]'
    assert leaves["a1"] == hashlib.sha256(b"\x00" + real.encode()).digest()
    assert list(leaves) == ["a1", "a2", "g1", "g2"]


@settings(deadline=None)
@given(st.permutations(range(4)), st.permutations(range(2)))
def test_order_does_not_count(rows: list[int], records: list[int]) -> None:
    """Rows and records in any order give the same digest."""
    assert content_digest(ROWS[rows], RECORDS[records]) == content_digest(ROWS, RECORDS)


def test_columns_that_are_not_covered_do_not_count() -> None:
    """Times, attempts and whatever else stands beside the covered fields leave the digest as it is."""
    beside = RECORDS.with_columns(attempts=pl.lit(3), finish_reason=pl.lit("stop"))
    assert content_digest(ROWS.with_columns(version=pl.lit("2.0.0")), beside) == content_digest(ROWS, RECORDS)


@pytest.mark.parametrize("field", ROW_FIELDS)
@pytest.mark.parametrize("row", range(4))
def test_every_field_of_every_row_counts(field: str, row: int) -> None:
    """A change of any row field changes the digest."""
    values = ROWS[field].to_list()
    values[row] += "x"
    records = RECORDS
    if field == "row_id" and values[row].startswith("g"):
        records = RECORDS.with_columns(pl.col("row_id").replace({ROWS["row_id"][row]: values[row]}))
    changed = ROWS.with_columns(pl.Series(field, values))
    assert content_digest(changed, records) != content_digest(ROWS, RECORDS)


@pytest.mark.parametrize("field", RECORD_FIELDS)
def test_every_field_of_a_record_counts(field: str) -> None:
    """A change of where a row came from changes the digest."""
    values = RECORDS[field].to_list()
    values[0] = {"seed": 99, "parent_ids": ["a2"]}.get(field, "changed")
    changed = RECORDS.with_columns(pl.Series(field, values))
    assert content_digest(ROWS, changed) != content_digest(ROWS, RECORDS)


def test_rows_cannot_be_left_out_or_doubled() -> None:
    """One row less or one more changes the digest; so does the loss of a record."""
    whole = content_digest(ROWS, RECORDS)
    assert content_digest(ROWS.head(3), RECORDS) != whole
    assert content_digest(ROWS, RECORDS.head(1)) != whole
    assert content_digest(pl.concat([ROWS, ROWS.head(1).with_columns(row_id=pl.lit("a0"))]), RECORDS) != whole


@pytest.mark.parametrize("what", ["rows", "records"])
def test_repeated_ids_give_no_digest(what: str) -> None:
    """A second row or record of one id, whatever it says, is refused by name: a leaf stands for one row."""
    rows = pl.concat([ROWS.head(1).with_columns(text=pl.lit("false")), ROWS]) if what == "rows" else ROWS
    records = pl.concat([RECORDS, RECORDS.head(1)]) if what == "records" else RECORDS
    with pytest.raises(ValueError, match=f"1 ids stand on several {what}, e.g. '{'a1' if what == 'rows' else 'g1'}'"):
        content_digest(rows, records)
    with pytest.raises(ValueError, match="have no id"):
        content_digest(ROWS.with_columns(row_id=pl.lit(None, pl.String)), RECORDS)


def test_words_cannot_wander_between_fields() -> None:
    """Text and label that only together spell the same give another digest."""
    one, other = ROWS.head(1).with_columns(text=pl.lit("ab"), label=pl.lit("c")), ROWS.head(1)
    other = other.with_columns(text=pl.lit("a"), label=pl.lit("bc"))
    assert content_digest(one, RECORDS) != content_digest(other, RECORDS)

"""The SQL models of candidate pairs: the pairs and components that the buckets in memory give."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.filtering.band_table import BandTable
from careful_assets.text.buckets import Buckets
from careful_assets.text.flat_texts import FlatTexts
from careful_assets.text.minhash import BANDS, Bands, candidate_pairs, near_components
from careful_assets.warehouse.connections import connect
from careful_assets_tests.text.test_minhash import corpus
from careful_assets_tests.text.test_near import THRESHOLDS, kindred_texts


@contextmanager
def table_of(bands: Bands, first: int = 0) -> Iterator[BandTable]:
    with closing(duckdb.connect()) as con:
        table = BandTable(con, first)
        table.add(bands)
        yield table


def pairs_of(left: np.ndarray, right: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(left.tolist(), right.tolist(), strict=True))


@settings(deadline=None, max_examples=30)
@given(kindred_texts(), st.integers(0, 30))
def test_sql_and_buckets_find_the_same_pairs(texts, first):
    """All candidate pairs, one of the two new: pair for pair."""
    flat = FlatTexts.of(texts)
    bands = Bands.of(flat)
    expected = pairs_of(*candidate_pairs(Buckets(flat, bands, first), len(texts)))
    with table_of(bands, first) as table:
        assert pairs_of(*candidate_pairs(table, len(texts))) == expected


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=25).filter(bool),
    st.integers(0, 25),
    st.data(),
)
def test_pairs_across_components_are_all_found(hashes, first, data):
    """Few hashes, so that buckets are full, and any components beforehand: what either leaves out lies within one."""
    n = len(hashes)
    root = np.array([data.draw(st.sampled_from([i, 0, n // 2])) if i > n // 2 else i for i in range(n)], dtype=np.int64)
    bands = Bands(np.arange(n), np.repeat(np.array(hashes, dtype=np.int64).T, [BANDS - 1, 1], axis=0))
    expected = {
        (i, j)
        for i in range(n)
        for j in range(max(first, i + 1), n)
        if root[i] != root[j] and (hashes[i][0] == hashes[j][0] or hashes[i][1] == hashes[j][1])
    }
    with table_of(bands, first) as table:
        for candidates in (table, Buckets(FlatTexts.of(["x"] * n), bands, first)):
            found = {pair for left, right in candidates.pairs(root) for pair in pairs_of(left, right)}
            assert {(i, j) for i, j in found if root[i] != root[j]} == expected
            assert all(i < j and j >= first for i, j in found)


@settings(deadline=None, max_examples=25)
@given(kindred_texts(), THRESHOLDS)
def test_components_do_not_hang_on_the_way_to_the_pairs(texts, thousandths):
    """By SQL and in memory the same components."""
    flat = FlatTexts.of(texts)
    bands = Bands.of(flat)
    with table_of(bands) as table:
        root = near_components(flat, table, thousandths)
    assert root.tolist() == near_components(flat, Buckets(flat, bands), thousandths).tolist()


def test_one_template_makes_no_squares():
    """5,000 rows of one template and one that only shares their bands: pairs by the thousand, not by the million."""
    texts = [f"your order {k:05d} has been shipped and will be with you in three days" for k in range(5_000)]
    flat = FlatTexts.of([*texts, "something else entirely"])
    bands = Bands.of(flat)
    bands.hashes[:, -1] = bands.hashes[:, 0]
    found = 0
    with table_of(bands) as table:

        def pairs(root: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            nonlocal found
            for left, right in table.pairs(root):
                found += len(left)
                yield left, right

        counting = type("Counting", (), {"pairs": staticmethod(pairs)})()
        assert near_components(flat, counting).tolist() == [0] * 5_000 + [5_000]
    assert 5_000 <= found < 150_000


def test_larger_tables_go_to_disk(tmp_path: Path, monkeypatch):
    """40,000 rows in a database too small for the join: the same components as in memory, by way of the disk."""
    monkeypatch.setenv("CAREFUL_MEMORY_LIMIT", "60MB")
    flat = FlatTexts.of(corpus(40_000))
    bands = Bands.of(flat)
    expected = near_components(flat, Buckets(flat, bands)).tolist()
    with connect(tmp_path / "bands.duckdb") as con:
        con.execute("set threads = 2")
        table = BandTable(con)
        table.add(bands)
        con.execute("set max_temp_directory_size = '0KB'")
        with pytest.raises(duckdb.OutOfMemoryException):
            near_components(flat, table)
        con.execute("set max_temp_directory_size = '1GB'")
        con.execute("delete from near_roots")
        con.execute("delete from near_found")
        assert near_components(flat, table).tolist() == expected

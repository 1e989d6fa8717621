"""Vaults for trying detectors on rows that lie open."""

import polars as pl
import pytest

from careful_assets.errors import StageFailed
from careful_assets.warehouse.vault_rehearsal import rehearse
from careful_assets_tests.warehouse.leak_fixtures import asked, scan


def test_rehearsals_are_vaults_of_their_own(tmp_path):
    """Two in one folder have keys of their own and know nothing of each other; the file is private."""
    first, second = (rehearse(tmp_path, asked({"a": text, "b": "two"})) for text in ("one", "uno"))
    digests = [probe.find_leaks([asked({"x": "two"})], scan()).found["eval_row_digest"][0] for probe in (first, second)]
    assert digests[0] != digests[1]
    assert second.find_leaks([asked({"x": "one"})], scan()).found.is_empty()
    assert first.sealed_rows() == 2
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*/vault.duckdb")} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o700}


def test_labels_and_groups_go_with_the_rows(tmp_path):
    """Where there are any; without them each row is its own group, of no label."""
    frame = asked({"a": "one", "b": "two"})
    named = frame.with_columns(label=pl.Series(["x", "x"]), group_id=pl.lit("g"))
    assert rehearse(tmp_path, named).quality(None).select("label", "rows", "groups").rows() == [("x", 2, 1)]
    assert rehearse(tmp_path, frame).quality(None).select("label", "rows", "groups").rows() == [("", 2, 2)]


def test_nothing_and_rows_given_twice_are_refused(tmp_path):
    """As a column that is missing is."""
    frame = asked({"a": "one"})
    for wrong in (frame[:0], pl.concat([frame, frame]), frame.drop("text")):
        with pytest.raises(StageFailed, match="rows to rehearse with"):
            rehearse(tmp_path, wrong)

"""How the suites among a dataset's own gates can be failed, and what else than the finished life is right."""

from __future__ import annotations

import hashlib

import pytest

from careful_assets_tests.life.arrange import Life
from careful_assets_tests.life.damage import Accept, Arrangement, Break, both, sql

_SUITE = b'{"name": "s", "expectations": [{"type": "expect_table_row_count_to_equal", "kwargs": {"value": 1}}]}'
_SHA256 = hashlib.sha256(_SUITE).hexdigest()


def _named(life: Life, patch: pytest.MonkeyPatch) -> None:
    """The card names a suite, which lies beside it."""
    (life.card_path.parent / "suite.json").write_bytes(_SUITE)
    life.rewrite_card("overrides: []", "overrides: []\n  own_gates: [{name: mine, expectations: suite.json}]")


def excluded(*, decided: bool) -> Arrangement:
    """People excluded the rows of a request; filtering saw it, or did not."""
    request = "(select min(request_id) from generation.candidates)"
    exclusion = f"insert into filtering.exclusions select 1, 'request', {request}, 'a test', false, now(), 'run'"
    if not decided:
        return sql(exclusion)
    out = f"(request_id = {request})"
    said = f"case when {out} then 'excluded_by_request' end, null, null, null, null"
    first = f"select row_id, 'excluded', 1, -1, not {out}, {said} from generation.candidates"
    gone = f"select row_id from generation.candidates where {out}"
    return sql(
        exclusion,
        f"delete from filtering.decisions where row_id in ({gone})",
        f"insert into filtering.decisions {first}",
    )


def _found(severity: str, *, passed: bool, refuses: bool = False, sha256: str = _SHA256) -> Arrangement:
    """A suite of which this is on record."""
    counted = "3, 1, '1 of 3 do not meet it'"
    row = f"'mine', 4, 'expect_x', 'text', '{severity}', {refuses}, {passed}, {counted}, '{sha256}'"
    return both(_named, sql(f"insert into filtering.own_expectations values ({row})"))


BREAKS: dict[tuple[str, str], list[Break]] = {
    ("filtering", "exclusions_hold"): [
        Break(
            "rows were excluded beside a run that did not know",
            r"\d+ excluded rows were let through, 0 others refused; materialize filtering again",
            excluded(decided=False),
        ),
        Break(
            "an exclusion was taken back beside a run that did not know",
            r"0 excluded rows were let through, \d+ others refused; materialize filtering again",
            both(excluded(decided=True), sql("update filtering.exclusions set withdrawn = true")),
        ),
    ],
    ("filtering", "own_expectations_hold"): [
        Break(
            "a critical expectation of the batch fails",
            "1 of 1 expectations fail, e.g. number 4 of mine, expect_x of column 'text': 1 of 3 do not meet it",
            _found("critical", passed=False),
        ),
        Break("a suite was not asked", "not held against mine as it is now", _named),
        Break(
            "the suite was another then",
            "not held against mine as it is now",
            _found("critical", passed=True, sha256="0" * 64),
        ),
    ],
    ("filtering", "own_expectations_advise"): [
        Break("a warning fails", "1 of 1 expectations fail", _found("warning", passed=False)),
        Break("a suite was not asked", "not held against mine as it is now", _named),
    ],
}

ACCEPTS: dict[tuple[str, str], list[Accept]] = {
    ("filtering", "exclusions_hold"): [Accept("rows are excluded", excluded(decided=True))],
    ("filtering", "own_expectations_hold"): [
        Accept("it holds", _found("critical", passed=True)),
        Accept("a warning fails", _found("warning", passed=False)),
        Accept("the rows that fail are refused", _found("critical", passed=False, refuses=True)),
    ],
    ("filtering", "own_expectations_advise"): [
        Accept("what is only for information fails", _found("info", passed=False)),
    ],
}

"""The judged detector, in a scan: which pairs the judge is shown, what its yes means, and what is refused."""

from __future__ import annotations

import polars as pl
import pytest

from careful_assets.text.embedders.tfidf_svd import TfidfSvd
from careful_assets.text.leaks.judged import JudgedDetector
from careful_assets.text.leaks.scan import LeakScan
from careful_assets_tests.llm.test_paraphrase_judge import answering, chat, judging

SEALED = [
    "the zipper of this warm coat gave out after a few short days",
    "the delivery of the parcel came two weeks late and nobody wrote to us",
    "the camera takes bright pictures at night and is easy to hold",
    "a few words only",
]
ASKED = [
    "after a few short days this warm coat had a zipper that gave out",
    "nobody wrote to us and the parcel delivery came late by two weeks",
    "we were glad of the soup and of the music in the small hall",
    "the coat zipper gave out",
]


@pytest.fixture(scope="module")
def embedder():
    return TfidfSvd(SEALED * 4 + ASKED * 4, 8)


def asked(texts=ASKED):
    return pl.DataFrame({"row_id": [f"row-{n}" for n in range(len(texts))], "text": texts})


def scanned(judge, embedder, rows=None, nearest=1, floor=300):
    scan = LeakScan([JudgedDetector(judge, embedder, nearest, floor)], timeout_s=20)
    return scan.run(pl.Series(SEALED), [asked() if rows is None else rows])


def shown(stub):
    """The first texts of the pairs that it was asked about."""
    prompts = [body["messages"][0]["content"] for body in stub.bodies]
    return sorted(prompt.rsplit("First text: ", 1)[1].split("\n")[0].strip('"') for prompt in prompts)


def test_a_pair_that_is_judged_the_same_is_a_leak(embedder):
    """Rows with a sealed row near them are shown to the judge, and its yes is a finding of full score."""
    with judging(answering(lambda: chat('{"same": true}'))) as (judge, stub):
        said = scanned(judge, embedder)
    assert said.found.select("row_id", "place", "detector", "score").rows() == [
        ("row-0", 0, "paraphrase_judge", 1000),
        ("row-1", 1, "paraphrase_judge", 1000),
    ]
    assert said.runs.select("ran", "rows_seen", "rows_short", "flagged").rows() == [(True, 4, 1, 2)]
    assert shown(stub) == sorted(ASKED[:2]), "neither a row far from all sealed ones nor a short one is shown"


def test_a_no_is_no_finding(embedder):
    """Of rows that the judge calls different nothing is found, and the detector ran."""
    with judging(answering(lambda: chat('{"same": false}'))) as (judge, _):
        said = scanned(judge, embedder)
    assert said.found.is_empty()
    assert said.runs["ran"].to_list() == [True]


def test_only_the_nearest_few_above_the_floor_are_shown(embedder):
    """However many sealed rows there are, a row is shown with at most `nearest` of them."""
    with judging(answering(lambda: chat('{"same": false}'))) as (judge, stub):
        scanned(judge, embedder, nearest=2, floor=1)
        assert len(stub.bodies) <= 2 * 3
        before = len(stub.bodies)
        scanned(judge, embedder, nearest=1, floor=1000)
        assert len(stub.bodies) == before


def test_a_judge_without_an_answer_did_not_run(embedder):
    """Fail closed: the detector is recorded as not run, with a cause that quotes no text, and finds nothing."""
    with judging(answering(lambda: chat("well, yes"))) as (judge, _):
        said = scanned(judge, embedder)
    assert said.found.is_empty()
    (run,) = said.runs.to_dicts()
    assert not run["ran"]
    assert "it is not JSON" in run["cause"]
    assert not [text for text in SEALED + ASKED if text in run["cause"]]


def test_nothing_sealed_and_nothing_asked(embedder):
    """An empty side asks nobody and finds nothing."""
    with judging() as (judge, stub):
        scan = LeakScan([JudgedDetector(judge, embedder, 1, 300)], timeout_s=20)
        for sealed, rows in ((pl.Series([], dtype=pl.String), ASKED), (pl.Series(SEALED), [])):
            frame = asked(rows).cast({"text": pl.String, "row_id": pl.String})
            said = scan.run(sealed, [frame])
            assert said.found.is_empty()
            assert said.runs["ran"].to_list() == [True]
    assert not stub.bodies


def test_who_is_shown_texts_is_told(embedder):
    """The scan names the judge's provider; a judge of another package sees nothing; two providers are refused."""

    class Recorder:
        provider = None

        def same(self, pairs):
            raise AssertionError("it was shown texts")

    class Elsewhere:
        sends_to = "another"

    with judging() as (judge, _):
        assert LeakScan([JudgedDetector(judge, embedder, 1, 300)], 1).sends_to == ("stub",)
        with pytest.raises(ValueError, match="two providers, another and stub"):
            JudgedDetector(judge, Elsewhere(), 1, 300)
        for nearest, floor in ((0, 300), (1, 0), (1, 1001)):
            with pytest.raises(ValueError, match="nearest is at least 1"):
                JudgedDetector(judge, embedder, nearest, floor)
    with pytest.raises(ValueError, match=r"are shown to careful_assets\.llm\.paraphrase_judge alone"):
        JudgedDetector(Recorder(), embedder, 1, 300)

"""What becomes of inherited rows: kills, the stages that load and judge them, and what counts without them."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from careful_assets.generation.inherited import inherited_rows
from careful_assets.llm.journal_erasing import erase_requests
from careful_assets.operations.inherit import inherit
from careful_assets_tests.life.arrange import Life, only_gates
from careful_assets_tests.operations.foreign import (
    LABELS,
    copied,
    edited,
    origins,
    sentences,
    with_anchors,
    write_jsonl,
)
from careful_assets_tests.operations.inheriting_child import PLACES

GATES = ("format", "personal_data", "exact_duplicate", "near_duplicate")
CHILD = "careful_assets_tests.operations.inheriting_child"


@pytest.fixture
def few_gates() -> Iterator[None]:
    """A short profile: what gates think of the rest is not the matter here, and measuring them takes seconds."""
    with only_gates(*GATES):
        yield


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """A small life as far as anchors. Read only."""
    return with_anchors(tmp_path_factory.mktemp("known"), 540, 0)


@pytest.fixture
def life(known: Life, tmp_path: Path) -> Life:
    """A copy of it to work on."""
    (tmp_path / "life").mkdir()
    return copied(known, tmp_path / "life")


def in_a_child(life: Life, path: Path, place: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", CHILD, str(life.project), str(life.home.root), str(path), place]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "place",
    [
        one if one == "between intake and warehouse" else pytest.param(one, marks=pytest.mark.soak)
        for one in sorted(set(PLACES) - {"nowhere"})
    ],
)
def test_a_kill_leaves_nothing_half_done(life: Life, tmp_path: Path, place: str) -> None:
    """Wherever it dies, nothing is on record of the file, and the next call comes to the same as one alone would.

    The ordinary run has one of the places, the one between two stores.
    """
    fresh = sentences(150, 5)
    path = write_jsonl(tmp_path / "f.jsonl", [{"text": text, "label": "bad"} for text in [*fresh, fresh[0]]])
    assert in_a_child(life, path, place).returncode == -9
    assert origins(life).is_empty()
    assert life.table("provenance.inherited_files").is_empty()
    report = inherit(life.loaded, life.home, path, lambda line: None)
    assert (report["changed"], report["origins"]["unknown"], report["candidates"]) == (True, 151, 150)
    intake = life.home.intake(life.dataset)
    waiting = inherited_rows(intake, [])
    made = waiting.load("rare_class", b"").candidates
    assert sorted(made["text"]) == sorted(fresh)
    assert set(origins(life)["row_id"]) == set(made["row_id"])
    assert {one.name for one in intake.parent.iterdir()} == {intake.name, intake.with_suffix(".lock").name}


@pytest.mark.usefixtures("few_gates")
def test_unknown_rows_are_judged_like_any_and_count_for_nothing(life: Life, tmp_path: Path) -> None:
    """They pass all gates, judges and detectors; rounds, quota, budget and decisions on other rows are as without them;
    of two copies the one on record stands; personal data in them is masked and its raw text withheld.
    """
    assert life.materialize("anchors", "purpose", "generation", "filtering").success
    rounds = life.table("provenance.rounds")
    made = life.table("generation.candidates").sort("row_id")
    before = life.table("filtering.decisions").sort("row_id", "position")
    texts = [
        f"{made['text'][0]} indeed",
        *sentences(20, 5),
        "Call Jane at 212-555-0123 or jane.doe@example.org to hear it.",
    ]
    path = write_jsonl(tmp_path / "f.jsonl", [{"text": text, "label": "fair"} for text in texts])
    inherit(life.loaded, life.home, path, lambda line: None)
    assert life.materialize("generation").success
    assert life.materialize("filtering").success
    requests = life.table("generation.requests")
    foreign = requests.filter(pl.col("round") == 0)
    assert foreign.select("generator_family", "status", "attempts", "prompt_sha256").unique().rows() == [
        ("unknown", "answered", 0, "")
    ]
    assert foreign.select(pl.col("tokens", "cost", "prompt_tokens", "completion_tokens").is_null().all()).row(0) == (
        True, True, True, True,
    )  # fmt: skip
    expected = set(origins(life)["row_id"].drop_nulls())
    candidates = life.table("generation.candidates")
    assert set(candidates["row_id"]) - set(made["row_id"]) == expected
    assert life.table("provenance.rounds").equals(rounds)
    after = life.table("filtering.decisions").sort("row_id", "position")
    assert after.join(made, on="row_id", how="semi").equals(before)
    assert expected <= set(after["row_id"])
    named = candidates.filter(pl.col("text").str.contains("to hear it"))["text"].item()
    assert "212" not in named
    assert "jane.doe" not in named


def test_erased_requests_do_not_come_back(life: Life, tmp_path: Path) -> None:
    """The intake is of the journal's form: an erased request has no candidates, and stays on record textless."""
    path = write_jsonl(
        tmp_path / "f.jsonl", [{"text": text, "label": LABELS[n % 2]} for n, text in enumerate(sentences(8, 5))]
    )
    inherit(life.loaded, life.home, path, lambda line: None)
    intake = life.home.intake(life.dataset)
    gone, stays = inherited_rows(intake, []).requests
    assert erase_requests(intake, [gone.request_id]) == 1
    assert life.materialize("purpose", "generation").success
    requests = life.table("generation.requests").filter(pl.col("round") == 0)
    assert dict(requests.select("request_id", "status").iter_rows()) == {
        gone.request_id: "erased", stays.request_id: "answered"
    }  # fmt: skip
    candidates = life.table("generation.candidates")
    assert gone.request_id not in candidates["request_id"]
    assert stays.request_id in candidates["request_id"]


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_million_lines_fit_into_memory(life: Life, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A million lines, a tenth of them with a label of the card's, an anchor's near copy among 40: under 2.5 GB."""

    def rows() -> Iterator[dict[str, object]]:
        rng = random.Random(4)
        real = life.table("anchors.rows")["text"].to_list()
        for place in range(1_000_000):
            words = (f"{rng.choice('bcdfgh')}{rng.randrange(10**5)}" if n % 2 else "the" for n in range(16))
            text = edited(rng.choice(real), rng) if place % 40 == 0 else " ".join(words)
            yield {"text": text, "label": "odd" if place % 10 else "bad"}

    done = in_a_child(life, write_jsonl(tmp_path / "f.jsonl", rows()), "nowhere")
    assert done.returncode == 0, done.stderr
    with capsys.disabled():
        print(f"\na million lines: {json.loads(done.stdout):,} MB at most", end="")
    assert int(done.stdout) < 2_500
    found = dict(origins(life).group_by("origin").len().iter_rows())
    assert found["real"] >= 0.99 * 25_000
    assert sum(found.values()) == 1_000_000

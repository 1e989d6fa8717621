"""The detectors' own benchmark: cut-offs from one half, figures from the other, and what is remembered of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.card.profiles import LeakSettings
from careful_assets.evaluation import remembered
from careful_assets.evaluation.benchmark import (
    AMONG_ALL,
    CLEAN,
    JOINT,
    LEAK,
    OTHER,
    PRECISION,
    QUALITY,
    Quality,
    detector_quality,
    half_of,
)
from careful_assets.evaluation.benchmark_page import curves, joint_verdict
from careful_assets.evaluation.cut_offs import curve_of, cut_off_of, fewest_clean, floor_of
from careful_assets.evaluation.planting import BUILT, EMBEDDED, PARAPHRASE, PUNCTUATION, SWAPS, TRUNCATED, VERBATIM
from careful_assets.evaluation.remembered import remembered_quality
from careful_assets.text.leaks.containment import ContainmentDetector
from careful_assets.text.leaks.exact import ExactDetector
from careful_assets.text.leaks.near import NearDuplicateDetector
from careful_assets.text.leaks.protocol import Detector
from careful_assets.text.leaks.unavailable import UnavailableDetector
from careful_assets.text.normalize import tokens
from careful_assets.warehouse.home import Home
from careful_assets_tests.filtering.frames import sentences

NAMES = ("exact", "near_duplicate", "containment")
SETTINGS = LeakSettings(
    detectors=list(NAMES),
    false_alarms={"near_duplicate": 0.005, "containment": 0.005},
    cut_offs={"near_duplicate": 500, "containment": 700, "embedding": 900},
    timeout_s=60,
)
Make = Callable[[Mapping[str, int]], list[Detector]]


def detectors(cut_offs: Mapping[str, int]) -> list[Detector]:
    """The three that need no open rows."""
    return [
        ExactDetector(),
        NearDuplicateDetector(cut_offs["near_duplicate"]),
        ContainmentDetector(cut_offs["containment"]),
    ]


def anchors(train: int = 400, holdout: int = 80) -> pl.DataFrame:
    """Open anchors, each a group of its own."""
    texts = sentences(train, 11) + sentences(holdout, 12)
    ids = [f"a{number:04}" for number in range(len(texts))]
    splits = ["train"] * (train - 20) + ["exemplar"] * 20 + ["holdout"] * holdout
    return pl.DataFrame({"row_id": ids, "text": texts, "label": "bad", "group_id": ids, "split": splits})


def other() -> pl.Series:
    """Texts of another kind."""
    return pl.Series(sentences(50, 13))


def figure(quality: Quality, detector: str, side: str, kind: str) -> tuple[int, int]:
    """Flagged of shown."""
    (row,) = quality.quality.filter(detector=detector, side=side, kind=kind).iter_rows(named=True)
    return row["flagged"], row["n"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Quality:
    """One benchmark of the three."""
    return detector_quality(
        anchors(), other(), lambda known: detectors, SETTINGS, "minilm", tmp_path_factory.mktemp("vault")
    )


def test_every_detector_and_all_together_have_figures_of_every_kind(measured: Quality) -> None:
    """Each kind of leak, clean and other rows; counts are counts, and intervals hold their rates."""
    table = measured.quality
    assert set(table["detector"]) == {*NAMES, JOINT}
    for name in (*NAMES, JOINT):
        own = table.filter(detector=name)
        assert {*BUILT, PARAPHRASE} <= set(own.filter(side=LEAK)["kind"])
        assert {CLEAN, OTHER} <= set(own["side"])
    known = table.filter(pl.col("n") > 0)
    assert (known["flagged"] <= known["n"]).all()
    assert (known["low"] <= known["rate"]).all()
    assert (known["rate"] <= known["high"]).all()
    assert table.schema == QUALITY


def test_copies_are_found_by_the_detectors_that_are_for_them(measured: Quality) -> None:
    """exact finds all verbatim copies; near_duplicate those and rewritten ones; containment buried ones."""
    for name, kind in (("exact", VERBATIM), ("near_duplicate", PUNCTUATION), ("containment", EMBEDDED)):
        flagged, n = figure(measured, name, LEAK, kind)
        assert n >= 20
        assert flagged == n, (name, kind)
    assert figure(measured, "exact", LEAK, TRUNCATED)[0] == figure(measured, "exact", LEAK, SWAPS)[0] == 0


def test_the_joint_verdict_is_no_weaker_than_any_detector(measured: Quality) -> None:
    """On every side and kind it flags at least what the one that flags most does."""
    for side, kind in measured.quality.filter(pl.col("side") != PRECISION).select("side", "kind").unique().iter_rows():
        best = max(figure(measured, name, side, kind)[0] for name in NAMES)
        assert figure(measured, JOINT, side, kind)[0] >= best


def test_precision_counts_leaks_among_all_that_is_flagged(measured: Quality) -> None:
    """It follows from the joint verdict's counts on judged rows of the three sides."""
    joint = measured.quality.filter((pl.col("detector") == JOINT) & ~pl.col("kind").str.contains("short"))
    leaks = joint.filter(side=LEAK)["flagged"].sum()
    flagged = joint.filter(pl.col("side").is_in([LEAK, CLEAN, OTHER]))["flagged"].sum()
    assert figure(measured, JOINT, PRECISION, AMONG_ALL) == (leaks, flagged)


def test_figures_come_from_the_other_half_than_cut_offs(measured: Quality) -> None:
    """What is counted as clean are the judged rows of the groups of one half alone."""
    frame = anchors().filter(pl.col("split") != "holdout")
    own = [text for text, group in frame.select("text", "group_id").iter_rows() if half_of(group) == 1]
    assert figure(measured, "exact", CLEAN, "judged")[1] == sum(len(tokens(text)) >= 8 for text in own)


def test_detectors_know_the_open_rows_of_the_other_half_alone(tmp_path: Path) -> None:
    """No row is judged by detectors that know it, and none ever knows a sealed one."""
    frame = anchors(60, 20)
    told: list[set[str]] = []

    def beside(known: pl.Series) -> Make:
        told.append(set(known.to_list()))
        return detectors

    detector_quality(frame, None, beside, SETTINGS, "minilm", tmp_path)
    halves: list[set[str]] = [set(), set()]
    for text, group, split in frame.select("text", "group_id", "split").iter_rows():
        if split != "holdout":
            halves[half_of(group)].add(text)
    assert told == [halves[1], halves[0]]


def test_a_detector_that_fails_has_no_figures_and_says_why(tmp_path: Path) -> None:
    """Its cut-off is the profile's, the others' figures stand, and it is named."""

    def broken(cut_offs: Mapping[str, int]) -> list[Detector]:
        return [*detectors(cut_offs)[:2], UnavailableDetector("containment", 1, 700, "no such file")]

    quality = detector_quality(anchors(60, 20), None, lambda known: broken, SETTINGS, "minilm", tmp_path)
    assert quality.failed.keys() == {"containment"}
    assert "no such file" in quality.failed["containment"]
    assert quality.thousandths["containment"] == 700
    assert "containment" not in set(quality.quality["detector"]) | set(quality.curves["detector"])
    assert "exact" in set(quality.quality["detector"])


@pytest.mark.parametrize(("train", "holdout"), [(0, 20), (30, 0), (0, 0), (22, 1)])
def test_small_datasets_are_measured_as_far_as_they_go(tmp_path: Path, train: int, holdout: int) -> None:
    """Without clean rows, or without holdout, paraphrases are left; cut-offs are the profile's, and say so."""
    frame = anchors(max(train, 20), holdout)
    frame = frame if train else frame.filter(pl.col("split") == "holdout")
    quality = detector_quality(frame, None, lambda known: detectors, SETTINGS, "minilm", tmp_path)
    assert quality.thousandths == {"exact": 1000, "near_duplicate": 500, "containment": 700}
    assert all("cannot tell, 100 would" in one.words for one in quality.cut_offs if one.detector != "exact")
    assert figure(quality, "exact", LEAK, PARAPHRASE) == (0, 100)


scores = st.lists(st.integers(min_value=250, max_value=1000), max_size=300)


@settings(deadline=None)
@given(clean=scores, rows=st.integers(min_value=100, max_value=3_000))
def test_a_cut_off_is_the_lowest_that_flags_no_more_than_allowed(clean: list[int], rows: int) -> None:
    """On the half that sets it, at most 0.5% are flagged from it on, and one thousandth lower more would be."""
    shown = max(rows, len(clean))
    cut = cut_off_of("near_duplicate", clean, shown, SETTINGS, "minilm").thousandths
    allowed = int(shown * 0.005)
    flagged = sum(score >= cut for score in clean)
    if len(clean) <= allowed:
        assert cut == SETTINGS.cut_offs["near_duplicate"]
    elif sum(score == 1000 for score in clean) > allowed:
        assert cut == 1000
    else:
        assert flagged <= allowed < sum(score >= cut - 1 for score in clean)


def test_too_few_clean_rows_set_no_cut_off() -> None:
    """Below the number that can tell, the profile's holds, and the words say how many would do."""
    few = fewest_clean(0.005)
    assert few == 100
    told = cut_off_of("containment", [990], few - 1, SETTINGS, "minilm")
    assert (told.thousandths, told.words) == (700, "the profile's: 99 clean rows cannot tell, 100 would")
    assert cut_off_of("containment", [990], few, SETTINGS, "minilm").thousandths == 991


def test_a_curve_counts_shares_from_each_score_on() -> None:
    """At the floor all that reached it, at 1 what is equal alone; it never rises."""
    curve = curve_of("near_duplicate", 250, ([250, 600, 1000], 4), ([300], 10))
    assert curve["score"].to_list()[0] == floor_of("near_duplicate", "minilm") / 1000
    assert curve["leaks_flagged"].to_list()[0] == 0.75
    assert curve["clean_flagged"].to_list()[0] == 0.1
    for column in ("leaks_flagged", "clean_flagged"):
        shares = curve[column].to_list()
        assert shares == sorted(shares, reverse=True)


def remember(home: Home, make: Make = detectors, known: str = "minilm") -> Quality:
    """A small benchmark, remembered in this home."""
    return remembered_quality(home, anchors(60, 20), None, lambda rows: make, SETTINGS, {"kind": known})


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home").prepare()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Quality:
    """The benchmark that `remember` asks for."""
    folder = tmp_path_factory.mktemp("small")
    return detector_quality(anchors(60, 20), None, lambda rows: detectors, SETTINGS, "minilm", folder)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, small: Quality) -> list[int]:
    """One entry a benchmark that was measured: the same one each time, for measuring takes seconds."""
    calls: list[int] = []

    def counting(*_: object) -> Quality:
        calls.append(1)
        return small

    monkeypatch.setattr(remembered, "detector_quality", counting)
    return calls


def kept(home: Home) -> list[Path]:
    """Files of remembered benchmarks; nothing else may be left beside them."""
    files = sorted((home.cache / "leak_benchmarks").iterdir())
    assert all(file.suffix == ".json" for file in files)
    return files


def test_a_benchmark_is_measured_once(home: Home, counted: list[int]) -> None:
    """The second answer is the first one, figures, curves, cut-offs and words."""
    first = remember(home)
    second = remember(home)
    assert len(counted) == 1
    assert first.quality.equals(second.quality)
    assert first.curves.equals(second.curves)
    assert first.cut_offs == second.cut_offs
    assert len(kept(home)) == 1


def test_another_embedder_is_measured_anew(home: Home, counted: list[int]) -> None:
    """What the card says of the embedder is part of what a benchmark is remembered by."""
    remember(home, known="one")
    remember(home, known="another")
    assert len(counted) == len(kept(home)) == 2


def test_other_code_is_measured_anew(
    home: Home, counted: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change in a detector's own file, whatever its version says."""
    assert all(source.exists() for source in remembered.SOURCES)
    own = tmp_path / "detector.py"
    monkeypatch.setattr(remembered, "SOURCES", (*remembered.SOURCES, own))
    for code in ("threshold = 1", "threshold = 2", "threshold = 1"):
        own.write_text(code, encoding="utf-8")
        remember(home)
    assert len(counted) == len(kept(home)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content["quality"].pop(0),
        lambda content: content["quality"][0].__setitem__(6, 10**6),
        lambda content: content["cut_offs"].pop(),
        lambda content: content["cut_offs"][1].__setitem__(1, 1),
        lambda content: content.pop("curves"),
        lambda content: content.pop("digest"),
    ],
)
def test_what_is_not_as_it_was_written_is_measured_anew(
    home: Home, counted: list[int], damage: Callable[[dict[str, Any]], object]
) -> None:
    """Rows that are missing or changed, other cut-offs, a digest that is gone."""
    first = remember(home)
    (file,) = kept(home)
    content = json.loads(file.read_text(encoding="utf-8"))
    damage(content)
    file.write_text(json.dumps(content), encoding="utf-8")
    assert remember(home).quality.equals(first.quality)
    assert len(counted) == 2


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", "[" * 10_000, '{"quality": 1, "curves": 2}'])
def test_a_file_that_is_none_is_measured_anew(home: Home, counted: list[int], content: str) -> None:
    """Empty, cut off, or of another form."""
    remember(home)
    (file,) = kept(home)
    file.write_text(content, encoding="utf-8")
    remember(home)
    assert len(counted) == 2


def test_a_benchmark_in_which_a_detector_failed_is_not_kept(home: Home) -> None:
    """What failed once may work the next time."""

    def broken(cut_offs: Mapping[str, int]) -> list[Detector]:
        return [*detectors(cut_offs)[:2], UnavailableDetector("containment", 1, 700, "no such file")]

    assert remember(home, broken).failed
    assert kept(home) == []
    assert not remember(home).failed


def test_the_page_shows_every_kind_and_detector(measured: Quality) -> None:
    """A line a kind for the joint verdict, and a strip for each detector whose cut-off its curve sets, as SVG."""
    told = {line["rows"]: line["flagged"] for line in joint_verdict(measured.quality)}
    assert {*BUILT, PARAPHRASE} <= told.keys()
    found, n = (int(part.replace(",", "")) for part in told[VERBATIM].split(" of "))
    assert found == n > 0
    strips = curves(measured.curves)
    assert all(f">{name}</text>".encode() in strips for name in NAMES if name != "exact")
    assert b">exact<" not in strips
    assert curves(measured.curves.clear()).startswith(b"<svg ")
    assert joint_verdict(measured.quality.clear()) == []

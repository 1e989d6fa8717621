"""Judges and their votes."""

from __future__ import annotations

import random

import polars as pl
import pytest

from careful_assets.errors import Refused, StageFailed
from careful_assets.labeling.judge import Vote, commonest_label
from careful_assets.labeling.judges import JUDGES
from careful_assets.labeling.votes import VOTES, collect_votes

NAMES = sorted(JUDGES)
WORDS = {
    "complaint": ["broke", "useless", "awful", "refund", "defective", "returned", "terrible", "failed"],
    "praise": ["love", "excellent", "perfect", "sturdy", "reliable", "superb", "happy", "recommend"],
    "neutral": ["contains", "measures", "arrived", "includes", "package", "inches", "manual", "cable"],
}


def sentence(label: str, rng: random.Random) -> str:
    filler = ["the", "phone", "it", "and", "with", "camera", "after", "two", "days"]
    return " ".join(rng.sample(filler, 5) + rng.sample(WORDS[label], 2))


def rows_of(counts: dict[str, int], seed: int, prefix: str) -> pl.DataFrame:
    rng = random.Random(seed)
    labels = [label for label, n in counts.items() for _ in range(n)]
    return pl.DataFrame(
        {
            "row_id": [f"{prefix}{i:03}" for i in range(len(labels))],
            "text": [sentence(label, rng) for label in labels],
            "label": labels,
        }
    )


ANCHORS = rows_of({"complaint": 15, "praise": 60, "neutral": 40}, 1, "a")
ROWS = rows_of({"complaint": 20, "praise": 20, "neutral": 20}, 2, "c")


@pytest.mark.parametrize("name", NAMES)
def test_judges_learn_from_anchors(name):
    """At least nine of ten planted labels are found, the rare one's among them."""
    votes = collect_votes(ROWS, ANCHORS, [name]).join(ROWS, on="row_id", suffix="_true")
    right = votes.with_columns((pl.col("label") == pl.col("label_true")).alias("right"))
    by_label = dict(right.group_by("label_true").agg(pl.col("right").mean()).iter_rows())
    assert by_label.keys() == WORDS.keys()
    assert min(by_label.values()) >= 0.9
    assert votes["confidence"].is_between(0, 1).all()


def test_a_table_of_votes_of_all_judges():
    """One vote a row and judge, with the judge's family, sorted."""
    votes = collect_votes(ROWS, ANCHORS, NAMES)
    assert votes.schema == VOTES
    assert votes.equals(votes.sort("row_id", "judge"))
    assert votes.select("row_id", "judge").rows() == [(row, name) for row in ROWS["row_id"] for name in NAMES]
    assert dict(votes.select("judge", "family").unique().rows()) == {name: JUDGES[name].family for name in NAMES}


def test_judges_are_of_different_families():
    """Two judges that err alike would confirm each other's errors."""
    assert len({judge.family for judge in JUDGES.values()}) == len(JUDGES)
    assert all(judge.name == name and judge.version >= 1 for name, judge in JUDGES.items())


def test_votes_depend_on_contents_alone():
    """Shuffled rows and anchors and another order of judges give the same table, confidences included."""
    shuffled = [frame.sample(fraction=1, shuffle=True, seed=5) for frame in (ROWS, ANCHORS)]
    assert collect_votes(*shuffled, NAMES[::-1]).equals(collect_votes(ROWS, ANCHORS, NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_two_labels_suffice(name):
    """The binary case, which scikit-learn treats apart."""
    binary = ANCHORS.filter(pl.col("label") != "neutral")
    votes = collect_votes(ROWS.filter(pl.col("label") != "neutral"), binary, [name]).join(ROWS, on="row_id")
    assert (votes["label"] == votes["label_right"]).mean() >= 0.9


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["", "👍👍", "中文", "\u0301", "zzzz qqqq"])
def test_a_text_like_no_anchor_gets_an_abstention(name, text):
    """The commonest label with confidence 0, and no failure."""
    rows = pl.DataFrame({"row_id": ["c"], "text": [text]})
    (vote,) = collect_votes(rows, ANCHORS, [name]).select("label", "confidence").rows()
    assert vote == ("praise", 0.0)


def test_equally_near_anchors_are_taken_by_row_id():
    """Of 300 copies of one text among other rows, the first fifteen by row_id decide, whatever order they come in."""
    text = "the same words"
    anchors = pl.DataFrame(
        {
            "row_id": [f"a{i:03}" for i in range(600)],
            "text": [text if i % 2 == 0 else f"another row {i}" for i in range(600)],
            "label": ["second"] * 30 + ["first"] * 570,
        }
    )
    rows = pl.DataFrame({"row_id": ["c"], "text": [text]})
    votes = collect_votes(rows, anchors.sample(fraction=1, shuffle=True, seed=3), ["nearest_anchors"])
    assert votes["label"].to_list() == ["second"]
    assert votes["confidence"].to_list() == [1.0]


def test_a_rare_label_is_not_outvoted_by_its_rarity():
    """Three near anchors of a label with three outweigh twelve equally near ones of a label with a hundred."""
    text = "the same words"
    anchors = pl.DataFrame(
        {
            "row_id": [f"a{i:03}" for i in range(103)],
            "text": [text] * 15 + ["nothing of this kind"] * 88,
            "label": ["rare"] * 3 + ["common"] * 100,
        }
    )
    votes = collect_votes(pl.DataFrame({"row_id": ["c"], "text": [text]}), anchors, ["nearest_anchors"])
    assert votes["label"].to_list() == ["rare"]


def test_no_rows_give_no_votes():
    """Where every candidate was refused there is nothing to vote on."""
    votes = collect_votes(ROWS.clear(), ANCHORS, NAMES)
    assert votes.is_empty()
    assert votes.schema == VOTES


def test_unknown_judges_are_refused():
    """The message names the stranger and the judges there are."""
    with pytest.raises(Refused, match="oracle, which do not exist; known judges: nearest_anchors, tfidf_logreg"):
        collect_votes(ROWS, ANCHORS, ["oracle", *NAMES])


@pytest.mark.parametrize("labels", [[], ["complaint"]])
def test_anchors_of_fewer_than_two_labels_fail_the_stage(labels):
    """There is nothing to tell apart."""
    with pytest.raises(StageFailed, match=f"two labels.*got {len(labels)}"):
        collect_votes(ROWS, ANCHORS.filter(pl.col("label").is_in(labels)), NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_anchors_that_say_nothing_fail_the_stage(name):
    """Empty texts teach a judge nothing, and it says so."""
    with pytest.raises(StageFailed, match=f"judge {name}.*anchors.source"):
        collect_votes(ROWS, ANCHORS.with_columns(pl.lit("\u200b").alias("text")), [name])


@pytest.mark.parametrize("name", NAMES)
def test_a_judge_that_was_not_fitted_does_not_vote(name):
    """An error in the caller."""
    with pytest.raises(ValueError, match="fitted"):
        JUDGES[name]().vote(["a text"])


class Broken:
    """A judge that votes what it is told."""

    name, family, version = "broken", "none", 1
    votes: tuple[Vote, ...] = ()

    def fit(self, anchors):
        pass

    def vote(self, texts):
        return list(self.votes)


@pytest.mark.parametrize(
    "votes",
    [
        (),
        (Vote("praise", 1), Vote("praise", 1)),
        (Vote("joy", 1),),
        (Vote("praise", 1.5),),
        (Vote("praise", float("nan")),),
    ],
)
def test_a_judge_that_breaks_its_contract_fails_the_stage(monkeypatch, votes):
    """Too few or too many votes, labels nobody declared and impossible confidences."""
    monkeypatch.setitem(JUDGES, "broken", type("Told", (Broken,), {"votes": votes}))
    with pytest.raises(StageFailed, match=r"judge broken.*nothing was recorded"):
        collect_votes(ROWS.head(1), ANCHORS, ["broken"])


def test_the_commonest_label_of_even_ones_is_the_first_by_name():
    """Abstentions do not hang on row order."""
    even = pl.DataFrame({"label": ["b", "a", "b", "a", "c"]})
    assert commonest_label(even) == commonest_label(even.reverse()) == "a"

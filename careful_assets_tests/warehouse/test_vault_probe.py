"""What the probe answers: truths planted by hand; the finding itself is tested where the detectors are."""

import json
import subprocess
import sys
import textwrap

import polars as pl
import pytest

from careful_assets.errors import StageFailed
from careful_assets.text import near_texts
from careful_assets.text.leaks.scan import RUNS, LeakScan
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.vault_leaks import FOUND
from careful_assets.warehouse.vault_near import Near
from careful_assets_tests.warehouse.leak_fixtures import Same, asked, scan
from careful_assets_tests.warehouse.vault_fixtures import Place, rows

SEALED = ["a b c d e f", "good phone", "one", "the cable broke after a week"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = Place.at(tmp_path_factory.mktemp("home"))
    place.seal(rows(SEALED))
    return place


@pytest.fixture
def own(tmp_path):
    place = Place.at(tmp_path / "own")
    place.seal(rows(SEALED))
    return place


def with_set(place, texts, labels=None):
    """A further set, as a sealing of one leaves it: a test of the set's sealing is elsewhere."""
    from careful_assets.warehouse import vault_store

    with connect(place.vault) as con:
        for number, text in enumerate(texts):
            row = ["field_v1", f"set-{number}", text, (labels or ["praise"] * len(texts))[number]]
            con.execute("insert into sealed.set_rows values (?, ?, ?, ?)", row)
        return vault_store.register(con, "run-9", 0)


def test_leaks_of_real_and_further_rows_are_named_by_set(own):
    """Each finding has the asked row, a keyed digest, its set and place; no detector saw another's rows."""
    with_set(own, ["made up", "one"])
    batches = [asked({"x": "good phone", "y": "good phones"}), asked({}), asked({"m": "made up", "z": "one"})]
    leaks = own.probe.find_leaks(iter(batches), scan())
    assert leaks.found.schema == pl.Schema(FOUND)
    told = leaks.found.drop("eval_row_digest").rows()
    assert told == [
        ("m", "field_v1", "same", 1000, 1000, 1000, 0, 1),
        ("x", "anchors", "same", 1000, 1000, 1000, 0, 1),
        ("z", "anchors", "same", 1000, 1000, 1000, 0, 1),
    ]
    assert leaks.found["eval_row_digest"].str.contains("^[0-9a-f]{64}$").all()
    assert leaks.runs.schema == pl.Schema(RUNS)
    assert leaks.runs.select("detector", "ran", "rows_seen", "sealed_rows").rows() == [("same", True, 4, 6)]
    assert (leaks.sealed_rows, own.probe.sealed_rows()) == (6, 4)


def test_digests_are_keyed_by_vault(tmp_path):
    """Two vaults with equal rows have one registry state and different digests; one vault is constant."""
    digests, states = [], set()
    for name in ("a", "b"):
        place = Place.at(tmp_path / name)
        states.add(place.seal(rows(SEALED)).registry_state)
        twice = [place.probe.find_leaks([asked({"x": "good phone"})], scan()).found for _ in range(2)]
        assert twice[0].equals(twice[1])
        digests.append(twice[0]["eval_row_digest"][0])
    assert len(states) == 1
    assert digests[0] != digests[1]


def test_every_question_is_one_opening(own):
    """With detectors, counts, what did not run and who was sent texts; counting the sealed rows leaves none."""
    bad = Same("bad", fails=ValueError("the cable broke"))
    detectors = scan(Same(), bad, Same("far", sends_to="acme"))
    leaks = own.probe.find_leaks([asked({"x": "good phone", "y": "no"})], detectors, may_be_sent_to=["acme", "other"])
    assert own.probe.sealed_rows() == 4
    assert own.openings().height == 2
    last = own.openings().row(-1, named=True)
    assert (last["stage"], last["grant_name"], last["operation"]) == ("evaluation", "VaultProbe", "find_leaks")
    assert (last["rows"], last["registry_state"], last["run_id"]) == (4, leaks.registry_state, "run-2")
    assert last["protections"] == "file 0600, folder 0700"
    assert json.loads(last["detail"]) == {
        "outcome": "done", "detectors": ["same", "bad", "far"], "sent_to": ["acme"], "asked": 2, "findings": 2,
        "did_not_run": ["bad"],
    }  # fmt: skip


def test_detectors_that_all_failed_are_told_and_nothing_is_clean(own):
    """No finding, and every detector on record as not run, by the kind of its error alone."""
    leaks = own.probe.find_leaks([asked({"x": "one"})], scan(*(Same(name, fails=OSError("one")) for name in "ab")))
    assert leaks.found.is_empty()
    assert leaks.runs.select("detector", "ran", "cause").rows() == [("a", False, "OSError"), ("b", False, "OSError")]
    assert json.loads(own.openings()["detail"][-1])["did_not_run"] == ["a", "b"]


def test_sealed_texts_are_lent_to_the_workshops_scan_alone(own):
    """Neither a scan of the asker's own, nor a subclass, nor another module's name gets to see one; it is on record."""
    seen = []

    class Mine:
        detectors, sends_to = ("mine",), ()

        def run(self, sealed, rows):
            seen.append(sealed)

    class Crafted(LeakScan):
        def run(self, sealed, asked):
            seen.append(sealed)
            return super().run(sealed, asked)

    for strange in (Mine(), Crafted([Same()], 1)):
        with pytest.raises(StageFailed, match=r"to careful_assets\.text\.leaks\.scan alone, not to .*test_vault_probe"):
            own.probe.find_leaks([asked({"x": "one"})], strange)
    assert not seen
    assert [json.loads(detail)["outcome"] for detail in own.openings()["detail"]][1:] == ["failed", "failed"]


def test_texts_go_to_named_providers_alone(own):
    """A detector that sends texts to a provider is refused until the card names that one; the card's key is named."""
    seen = []
    detectors = scan(Same(sends_to="acme", records=seen.append))
    for allowed in ((), ["another"]):
        with pytest.raises(StageFailed, match=r"send sealed texts to acme, .*vault\.may_be_sent_to"):
            own.probe.find_leaks([asked({"x": "one"})], detectors, may_be_sent_to=allowed)
    assert not seen
    assert own.probe.find_leaks([asked({"x": "one"})], detectors, may_be_sent_to=["acme"]).found.height == 1
    assert seen == [SEALED]


def test_nothing_is_held_open_while_rows_come_by(own):
    """Rows may be read from the warehouse, and written there, and the vault may be sealed meanwhile."""

    def batches():
        for number in range(2):
            with connect(own.warehouse) as con:
                con.execute("create table if not exists noted (n integer)")
            with connect(own.vault) as con:
                con.execute("checkpoint")
            yield asked({f"x{number}": "one"})

    assert own.probe.find_leaks(batches(), scan()).found.height == 2


def test_malformed_rows_are_refused(place):
    """A column that is missing, of another type or empty is named; so is one in a later batch."""
    good = asked({"x": "one"})
    for bad, says in (
        (good.drop("text"), "column text is missing"),
        (good.with_columns(row_id=pl.lit(1)), "row_id is Int32"),
        (good.with_columns(text=pl.lit(None, pl.String)), "1 rows have no text"),
    ):
        with pytest.raises(StageFailed, match=says):
            place.probe.find_leaks([good, bad], scan())


def test_sealed_ids_are_told_by_set(own):
    """Of ids of any kind those of sealed rows, by keyed digest and set; the question is on record, the ids are not."""
    with_set(own, ["made up"])
    found = own.probe.sealed_among(["row-1", "set-0", "nobody", "row-1"])
    assert found.select("id", "set_name").rows() == [("row-1", "anchors"), ("set-0", "field_v1")]
    leaks = own.probe.find_leaks([asked({"x": SEALED[1]})], scan()).found
    assert found["eval_row_digest"][0] == leaks["eval_row_digest"][0]
    assert own.probe.sealed_among([]).is_empty()
    opening = own.openings().filter(pl.col("operation") == "sealed_among")["detail"][0]
    assert json.loads(opening) == {"outcome": "done", "asked": 3, "sealed": 2}


def test_the_rulers_quality_is_counted_by_set_and_class(tmp_path):
    """Copies, near ones, groups and raters, of the anchors' rows and of a further set apart; planted by hand."""
    place = Place.at(tmp_path)
    text = "the battery of this camera died after a week of use"
    place.seal(rows([text, text, f"{text}s", "it is bad", "bad thing", "fine"]))
    with connect(place.vault) as con:
        con.execute("insert into sealed.ratings values ('row-0', 0.5), ('row-1', 0.25)")
    with_set(
        place, ["quite new words here", "quite new words here", "nothing alike"], ["praise", "complaint", "praise"]
    )
    found = place.probe.quality(Near(700, near_texts))
    assert found.rows() == [
        ("anchors", "real", "complaint", 2, 2, 0, 0, 0, None),
        ("anchors", "real", "praise", 4, 3, 2, 3, 2, 0.375),
        ("field_v1", "synthetic", "complaint", 1, 1, 1, 1, 0, None),
        ("field_v1", "synthetic", "praise", 2, 2, 1, 1, 0, None),
    ]
    unasked = place.probe.quality(None).filter(set_name="anchors")
    assert unasked.select("exact_copies", "near_copies").rows() == [(0, None), (2, None)]


def test_a_ruler_of_three_rows_is_asked_as_any(tmp_path):
    """Few rows are few: found, counted and judged all the same."""
    place = Place.at(tmp_path)
    place.seal(rows(["bad", "one", "two words"]))
    assert place.probe.find_leaks([asked({"x": "bad"})], scan()).found.height == 1
    assert place.probe.quality(Near(700, near_texts))["rows"].to_list() == [1, 2]


def test_missing_or_emptied_vault_says_what_to_do(tmp_path):
    """Without sealed rows every question is refused; no file comes to be."""
    place = Place.at(tmp_path)
    questions = (
        place.probe.sealed_rows,
        lambda: place.probe.find_leaks([asked({"x": "y"})], scan()),
        lambda: place.probe.sealed_among(["x"]),
        lambda: place.probe.quality(None),
        lambda: place.scorer.score({"m": ["cat"]}, ["praise"]),
    )
    for ask in questions:
        with pytest.raises(StageFailed, match="nothing sealed yet; materialize anchors first"):
            ask()
    assert not place.vault.exists()
    place.seal(rows(SEALED))
    place.sealer.erase([f"row-{number}" for number in range(4)])
    with pytest.raises(StageFailed, match="everything was erased"):
        questions[1]()


ASKS = """
import json, sys
import polars as pl
from pathlib import Path
from careful_assets.warehouse.vault_probe import VaultProbe
from careful_assets_tests.warehouse.leak_fixtures import asked, scan
probe = VaultProbe(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
for turn in range(8):
    assert probe.find_leaks([asked({"x": "good phone"})], scan()).found.height == 1
    assert probe.sealed_among(["row-1"]).height == 1
print("done")
"""


def test_two_processes_ask_one_vault_at_once(own):
    """Both get every answer, while a third seals, and every opening is on record once."""
    command = [sys.executable, "-c", textwrap.dedent(ASKS), str(own.vault), str(own.warehouse)]
    both = [subprocess.Popen([*command, f"run-{one}"], stdout=subprocess.PIPE, text=True) for one in "ab"]
    for _ in range(4):
        own.seal(rows(SEALED))
    assert [process.communicate(timeout=120)[0] for process in both] == ["done\n"] * 2
    asked_by = own.openings().filter(pl.col("grant_name") == "VaultProbe").group_by("run_id").len().sort("run_id")
    assert asked_by.rows() == [("run-a", 16), ("run-b", 16)]
    assert own.openings()["seq"].is_unique().all()

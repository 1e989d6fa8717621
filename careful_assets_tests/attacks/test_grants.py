"""Every public method of every grant is attacked: what it answers, raises, logs and records holds no sealed word.

The methods are found by looking at the grants: a new one without an attack here fails.
"""

from __future__ import annotations

import inspect
import logging
import shutil
import sys
from dataclasses import fields, is_dataclass

import numpy as np
import polars as pl
import pytest

from careful_assets.errors import CarefulError, StageFailed
from careful_assets.text import canaries, copies, near_texts
from careful_assets.warehouse.canary_registry import CanaryRegistry
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.tables import read
from careful_assets.warehouse.vault import VaultSealer
from careful_assets.warehouse.vault_near import Near
from careful_assets.warehouse.vault_probe import VaultProbe
from careful_assets.warehouse.vault_scorer import VaultScorer
from careful_assets_tests.warehouse.vault_fixtures import LABELS, Place, rows, script

PLANTED = ("zyxtext", "zyxrow", "zyxgroup")
TEXTS = [f"zyxtext number {n} said that the bad kettle of house {n} leaks over the stove" for n in range(12)]
GRANTS = {grant.__name__: grant for grant in (VaultSealer, VaultProbe, VaultScorer, CanaryRegistry)}


def sealed_rows(texts=TEXTS):
    named = {name: pl.concat_str(pl.lit(f"zyx{name[:-3]}"), name) for name in ("row_id", "group_id")}
    return rows(texts).with_columns(**named)


def mine(texts=TEXTS):
    """Rows of the asker's own with the sealed texts: what a prober would ask with."""
    return pl.DataFrame({"row_id": [f"mine-{n}" for n in range(len(texts))], "text": texts})


def told(value, depth=0):
    """Everything there is to read in an answer, in whatever it is wrapped."""
    parts = [repr(value)]
    if isinstance(value, pl.DataFrame):
        parts.append(value.write_ndjson())
    elif isinstance(value, pl.Series):
        parts += [str(one) for one in value.to_list()]
    elif isinstance(value, dict):
        parts += [told(one, depth + 1) for pair in value.items() for one in pair]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts += [told(one, depth + 1) for one in value]
    elif depth < 5 and is_dataclass(value):
        parts += [told(getattr(value, one.name), depth + 1) for one in fields(value)]
    elif depth < 5 and hasattr(value, "__dict__"):
        parts += [told(one, depth + 1) for one in vars(value).values()]
    return "\n".join(parts)


def silent(text):
    assert not [word for word in PLANTED if word in text]


@pytest.fixture(scope="module")
def first_place(tmp_path_factory):
    """Copied for each test: sealing takes longer."""
    place = Place.at(tmp_path_factory.mktemp("first") / "home")
    place.seal(sealed_rows(), {"s": sealed_rows()["row_id"].to_list()})
    return place


@pytest.fixture
def place(first_place, tmp_path):
    shutil.copytree(first_place.root, tmp_path / "home")
    return Place(tmp_path / "home")


def registry(place):
    return CanaryRegistry(place.vault, place.warehouse, "run-4")


def scan_of(*detectors, timeout_s=20):
    from careful_assets.text.leaks.scan import LeakScan

    return LeakScan(detectors, timeout_s)


class _Spying:
    """A detector that quotes everything it sees: as its error, or as its findings' numbers and places."""

    name, version, threshold, asks_last, sends_to = "spy", 1, 1, False, None

    def __init__(self, how):
        self.how, self.seen = how, []

    def index(self, sealed):
        self.seen = sealed.texts.to_list()
        if self.how == "index":
            raise ValueError(self.seen)
        return self

    def find(self, rows):
        from careful_assets.text.leaks.protocol import Found

        if self.how == "find":
            raise ValueError(self.seen)
        if self.how == "print":
            logging.getLogger("spy").warning("it found %d", len(self.seen))
        at = np.arange(min(len(rows), len(self.seen)), dtype=np.int64)
        return Found(*[at] * 7)


def spy(how):
    """As if it were one of the package's own: a detector by another's hand, which a review let through."""
    kind = type("Spying", (_Spying,), {"__module__": "careful_assets.text.leaks.spy"})
    return kind(how)


def predictor(tmp_path, body):
    return script(tmp_path, f"import sys\nrows = sys.stdin.read()\nsys.stderr.write(rows)\n{body}\n")


def _score(place, tmp_path):
    for body in (
        "print('complaint\\n' * 12, end='')", "print(rows)", "raise ValueError(rows)",
        "print('zyxtext\\n' * 12, end='')",
        "import os; os.abort()",
    ):  # fmt: skip
        yield lambda body=body: place.scorer.score({"m": predictor(tmp_path, body)}, LABELS)
    yield lambda: place.scorer.score({"m": ["cat"]}, ["praise"])
    yield lambda: place.scorer.score({"m": ["/no/such/program"]}, LABELS)


def _seal(place, tmp_path):
    moved = sealed_rows().with_columns(row_id=pl.concat_str(pl.lit("other"), "row_id"))
    yield lambda: place.seal(sealed_rows())
    yield lambda: place.seal(sealed_rows()[:2], open_rows=moved[2:])
    yield lambda: place.seal(sealed_rows()[:2], open_rows=sealed_rows()[2:])
    yield lambda: place.seal(pl.concat([sealed_rows(), sealed_rows()]))


def _seal_set(place, tmp_path):
    lineage = pl.DataFrame({"kind": ["parent", "row"], "item": ["zyxrow", "zyxrow"]})
    given = sealed_rows().select("row_id", "text", "label")
    for frame in (given, given, given.reverse().head(3), pl.concat([given, given]), given.drop("label")):
        yield lambda frame=frame: place.sealer.seal_set("further", "other", "v1", "0" * 64, frame, lineage)


def _kin(place, tmp_path):
    for shingled in (True, False):
        yield lambda shingled=shingled: place.kin(rows([f"{text}s" for text in TEXTS], start=50), shingled=shingled)


def _look_up(place, tmp_path):
    with_texts = mine()
    for row_id in (*sealed_rows()["row_id"].to_list()[:1], "none"):
        yield lambda row_id=row_id: place.sealer.look_up(row_id, with_texts, copies)
    yield lambda: place.sealer.look_up(sealed_rows()["row_id"][0], with_texts, sys.modules[__name__])


def _erase(place, tmp_path):
    yield lambda: place.sealer.erase(sealed_rows()["row_id"].to_list()[:1])
    yield lambda: place.sealer.erase(["none"])


def _erase_set(place, tmp_path):
    lineage = pl.DataFrame({"kind": ["parent"], "item": ["zyxrow"]})
    place.sealer.seal_set("further", "other", "v1", "0" * 64, sealed_rows().select("row_id", "text", "label"), lineage)
    yield lambda: place.sealer.erase_set("further", "it was retired")
    yield lambda: place.sealer.erase_set("none", "it was retired")


def _find_leaks(place, tmp_path):
    for how in ("all", "index", "find", "print"):
        yield lambda how=how: place.probe.find_leaks([mine()], scan_of(spy(how)))
    yield lambda: place.probe.find_leaks([mine().drop("text")], scan_of(spy("all")))
    yield lambda: place.probe.find_leaks([mine()], object())


def _sealed_among(place, tmp_path):
    yield lambda: place.probe.sealed_among(["mine", "", "row"])
    yield lambda: place.probe.sealed_among([])


def _register(place, tmp_path):
    for where in ("sealed_set", "release"):
        yield lambda where=where: registry(place).register(where, "anchors", canaries)
    yield lambda: registry(place).register("sealed_set", "anchors", sys.modules[__name__])


def _search(place, tmp_path):
    registry(place).register("sealed_set", "anchors", canaries)
    yield lambda: registry(place).search([mine()], canaries)
    yield lambda: registry(place).search([mine().drop("text")], canaries)
    yield lambda: registry(place).search([mine()], sys.modules[__name__])


ATTACKS = {
    ("VaultSealer", "seal"): _seal,
    ("VaultSealer", "seal_set"): _seal_set,
    ("VaultSealer", "sets"): lambda place, tmp_path: iter([place.sealer.sets]),
    ("VaultSealer", "kin"): _kin,
    ("VaultSealer", "look_up"): _look_up,
    ("VaultSealer", "erase"): _erase,
    ("VaultSealer", "erase_set"): _erase_set,
    ("VaultProbe", "find_leaks"): _find_leaks,
    ("VaultProbe", "sealed_among"): _sealed_among,
    ("VaultProbe", "quality"): lambda place, tmp_path: iter(
        [lambda: place.probe.quality(Near(700, near_texts)), lambda: place.probe.quality(None)]
    ),
    ("VaultProbe", "sealed_rows"): lambda place, tmp_path: iter([place.probe.sealed_rows]),
    ("VaultScorer", "score"): _score,
    ("CanaryRegistry", "register"): _register,
    ("CanaryRegistry", "search"): _search,
    ("CanaryRegistry", "held_by"): lambda place, tmp_path: iter([lambda: registry(place).held_by("release")]),
    ("CanaryRegistry", "registered"): lambda place, tmp_path: iter([registry(place).registered]),
    ("CanaryRegistry", "lent"): lambda place, tmp_path: iter(
        [lambda: registry(place).lent("stub", ["stub"]), lambda: registry(place).lent("stub", [])]
    ),
}


def methods():
    """What of the grants anybody may call, their class methods and properties too."""
    return {
        (name, one)
        for name, grant in GRANTS.items()
        for one, what in inspect.getmembers(grant)
        if not one.startswith("_") and (callable(what) or isinstance(what, property))
    }


def test_every_method_has_its_attack():
    """A method that came into a grant, or went, is seen here."""
    assert methods() == set(ATTACKS)


def test_no_grant_has_a_word_for_a_row():
    """By their annotations, no method gives out a frame's rows by any of the vault's own forms."""
    inner = ("_Ruler", "SealedTexts", "DuckDBPyConnection")
    for name, one in sorted(methods()):
        gives = str(inspect.signature(getattr(GRANTS[name], one)).return_annotation)
        assert not [form for form in inner if form in gives], f"{name}.{one} answers {gives}"


def _heard(error):
    """An exception with all that hangs on it."""
    parts = []
    while error is not None:
        parts += [repr(error), str(error), repr(error.args), told(vars(error)), *getattr(error, "__notes__", [])]
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


def in_tables(path):
    """Every cell of every table of a DuckDB file: its bytes alone would hide compressed text."""
    with connect(path, read_only=True) as con:
        names = con.sql("select schema_name || '.' || table_name as name from duckdb_tables()").pl()["name"]
        return "\n".join(repr(read(con, name).rows()) for name in names)


@pytest.mark.parametrize(("grant", "method"), sorted(ATTACKS), ids=".".join)
def test_no_method_tells_a_row(place, tmp_path, grant, method, caplog, capfd):
    """Asked rightly and wrongly, a method's answers and errors, logs, records and the warehouse are free of words."""
    if (grant, method) not in methods():
        pytest.fail(f"{grant} has no {method} any more: take its attack out")
    caplog.set_level(logging.DEBUG)
    tried = 0
    for attack in ATTACKS[grant, method](place, tmp_path):
        tried += 1
        try:
            silent(told(attack()))
        except CarefulError as error:
            silent(_heard(error))
    assert tried
    silent(caplog.text)
    silent("".join(capfd.readouterr()))
    silent(in_tables(place.warehouse))
    for path in place.warehouse.parent.rglob("*"):
        assert not [word for word in PLANTED if path.is_file() and word.encode() in path.read_bytes()]
    assert all(word in in_tables(place.vault) for word in PLANTED), "else this test would see nothing"


def test_the_vaults_folder_is_its_owners_alone(place):
    """File and folder are closed to others, and stay so after every use."""
    place.probe.sealed_rows()
    registry(place).register("sealed_set", "anchors", canaries)
    assert (place.vault.stat().st_mode & 0o777, place.vault.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_sealed_texts_are_lent_to_no_other_scan(place):
    """A scan made from the workshop's by a subclass, or by another's hand, is refused and sees nothing."""
    from careful_assets.text.leaks.scan import LeakScan

    seen = []

    class Crafted(LeakScan):
        def run(self, sealed, asked):
            seen.append(sealed)
            return super().run(sealed, asked)

    class Lookalike:
        detectors, sends_to = ("exact",), ()

        def run(self, sealed, asked):
            seen.append(sealed)

    for scan in (Crafted([spy("all")], 5), Lookalike()):
        with pytest.raises(StageFailed, match=r"to careful_assets\.text\.leaks\.scan alone"):
            place.probe.find_leaks([mine()], scan)
    assert not seen


def test_detectors_of_another_package_see_nothing():
    """A scan takes in no detector from outside of the package, nor from one that is only named alike."""
    for module in (__name__, "careful_assets.text.leaks_of_mine", "careful_assets.text.near_texts", "__main__"):
        kind = type("Spying", (_Spying,), {"__module__": module})
        with pytest.raises(ValueError, match="not to Spying"):
            scan_of(kind("all"))


def test_a_provider_that_is_not_named_is_sent_nothing(place):
    """Sealed texts leave for a provider that the card names, and for no other."""
    away = spy("all")
    away.sends_to = "remote"
    for named in ((), ("another",)):
        with pytest.raises(StageFailed, match=r"to remote, .* vault\.may_be_sent_to"):
            place.probe.find_leaks([mine()], scan_of(away), named)
    assert not away.seen
    place.probe.find_leaks([mine()], scan_of(away), ("remote",))
    assert away.seen
    assert '"sent_to": ["remote"]' in place.openings()["detail"][-1]


def test_a_detector_that_fails_is_never_clean(place):
    """Whatever a detector raises: it is on record as not run, by the error's kind and without its words."""
    for how in ("index", "find"):
        runs = place.probe.find_leaks([mine()], scan_of(spy(how))).runs
        assert runs.select("ran", "cause").rows() == [(False, "ValueError")]


@pytest.mark.parametrize("short", [1, 9])
def test_what_the_difference_of_two_slices_tells(tmp_path, short):
    """A slice and all rows but a few: what their difference tells of those few, counts by group tell already.

    Counts are by keyed group, so no slice is needed to learn what a predictor said of a small group. What a difference
    adds is which keyed groups bear a tag; it names no row and no text. Slices are tags fixed at sealing, so that nobody
    can cut one around a row that he looks for.
    """
    place = Place.at(tmp_path / "home")
    frame = sealed_rows([f"{text} {n}" for n, text in enumerate(TEXTS * 2)])
    place.seal(frame, {"most": frame["row_id"].to_list()[short:]})
    always = predictor(tmp_path, "print('praise\\n' * 24, end='')")
    counts = place.scorer.score({"m": always}, LABELS).counts
    by_slice = {name[0]: part.drop("slice") for name, part in counts.group_by("slice")}
    if "most" not in by_slice:
        return  # withheld: nothing can be subtracted
    of_groups = by_slice["all"].group_by("group_digest", "label", "predicted").agg(pl.col("n").sum())
    assert of_groups["n"].max() <= 2, "a group's own rows are counted apart, slices or not"
    left = by_slice["all"].join(by_slice["most"], on=[*by_slice["all"].columns], how="anti")
    assert left["group_digest"].is_in(of_groups["group_digest"].implode()).all()
    silent(told(counts))


def test_a_slice_of_under_ten_rows_is_only_named(tmp_path):
    """Nine rows and one are withheld, and no count of theirs stands anywhere."""
    place = Place.at(tmp_path / "home")
    ids = sealed_rows()["row_id"].to_list()
    place.seal(sealed_rows(), {"nine": ids[:9], "one": ids[:1], "ten": ids[:10]})
    scores = place.scorer.score({"m": predictor(tmp_path, "print('praise\\n' * 12, end='')")}, LABELS)
    assert {"nine", "one"} <= set(scores.withheld)
    assert not {"nine", "one"} & set(scores.counts["slice"])


def test_an_interrupted_scan_says_nothing(place):
    """What the asker's own rows raise while they stream by ends the call in words without theirs or the vault's."""

    def streaming():
        yield mine()
        raise KeyError(TEXTS[0])

    with pytest.raises(StageFailed, match="failed with KeyError") as caught:
        place.probe.find_leaks(streaming(), scan_of(spy("all")))
    silent(_heard(caught.value))
    silent(place.openings().write_ndjson())

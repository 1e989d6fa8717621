"""Sealing: idempotent, growing, atomic, and never a silent change."""

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careful_assets.errors import CarefulError, StageFailed
from careful_assets_tests.warehouse.vault_fixtures import Place, fingerprints, rows

TEXTS = ["good phone", "bad phone", "good case and cable", "bad case and cable", "it works"]


@pytest.fixture
def place(tmp_path):
    return Place.at(tmp_path)


def test_sealing_answers_counts_by_label(place):
    """The answer counts rows and groups, by label and in all."""
    sealed = place.seal(rows(TEXTS))
    assert sealed.counts.rows() == [("complaint", 2, 2), ("praise", 3, 3)]
    assert (sealed.rows, sealed.groups, sealed.added, sealed.kept) == (5, 3, 5, 0)


def test_same_rows_again_change_nothing(place):
    """Sealing the same rows twice leaves one registry entry, one key and the same tables."""
    first = place.seal(rows(TEXTS), {"short": ["row-0"]})
    before = {name: place.inside(name) for name in ("keys", "registry", "rows", "tags", "fingerprints")}
    second = place.seal(rows(TEXTS).reverse(), {"short": ["row-0"]})
    assert second.registry_state == first.registry_state
    assert (second.added, second.kept) == (0, 0)
    for name, frame in before.items():
        assert place.inside(name).sort(frame.columns).equals(frame.sort(frame.columns)), name


def test_the_file_is_private(tmp_path):
    """The vault's file is 0600 and its folder 0700, even where they stood open before."""
    place = Place.at(tmp_path)
    place.vault.parent.mkdir(mode=0o755)
    place.seal(rows(TEXTS))
    assert stat.S_IMODE(place.vault.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.vault.parent.stat().st_mode) == 0o700


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 5), swap=st.booleans())
def test_state_does_not_depend_on_how_rows_were_sealed(tmp_path_factory, cut, swap):
    """Sealed at once or in two parts, in any order, equal rows give an equal registry state."""
    once, parts = (Place.at(tmp_path_factory.mktemp("home")) for _ in range(2))
    whole = rows(TEXTS)
    pieces = [piece for piece in (whole[:cut], whole[cut:]) if not piece.is_empty()]
    last = [parts.seal(piece) for piece in (reversed(pieces) if swap else pieces)][-1]
    at_once = once.seal(whole)
    assert last.registry_state == at_once.registry_state
    assert last.counts.equals(at_once.counts)


@pytest.mark.parametrize("change", ["row", "label", "fingerprint", "tag"])
def test_state_tells_contents_apart(tmp_path, change):
    """Another row, label, fingerprint or tag is another registry state."""
    frame = rows(TEXTS)
    state = Place.at(tmp_path / "a").seal(frame).registry_state
    marks, slices = fingerprints(frame), {}
    if change == "row":
        frame = frame[1:]
        marks = marks.filter(pl.col("row_id") != "row-0")
    elif change == "label":
        frame = frame.with_columns(label=pl.lit("praise"))
    elif change == "fingerprint":
        marks = marks.with_columns(pl.col("hash") ^ 1)
    else:
        slices = {"short": ["row-0"]}
    assert Place.at(tmp_path / "b").sealer.seal(frame, marks, slices).registry_state != state


def test_vault_grows_and_never_shrinks(place):
    """Rows sealed before and not offered now stay, keep their key and tags, and are counted as kept."""
    first = place.seal(rows(TEXTS), {"short": ["row-0"]})
    key = place.inside("keys")["key"].to_list()
    second = place.seal(rows(["a new one"], start=9), {"short": ["row-9"]})
    assert (second.rows, second.added, second.kept) == (6, 1, 5)
    assert second.registry_state != first.registry_state
    assert place.inside("keys")["key"].to_list() == key
    assert sorted(place.inside("tags").rows()) == [("row-0", "short"), ("row-9", "short")]
    sealed_in = dict(place.inside("rows").select("row_id", "sealed_in").rows())
    assert (sealed_in["row-0"], sealed_in["row-9"]) == (first.registry_state, second.registry_state)


@pytest.mark.parametrize("column", ["text", "label"])
def test_changed_row_is_refused(place, column):
    """A sealed row offered with another text or label is refused with count and remedy; nothing changes."""
    place.seal(rows(TEXTS))
    before = place.inside("rows").sort("row_id")
    changed = rows(TEXTS).with_columns(
        pl.when(pl.col("row_id") == "row-1").then(pl.lit("praise")).otherwise(column).alias(column)
    )
    with pytest.raises(StageFailed, match=rf"1 sealed row has another {column}.*new row keys"):
        place.seal(pl.concat([changed, rows(["one more"], start=9)]))
    assert place.inside("rows").sort("row_id").equals(before)
    last = place.openings().row(-1, named=True)
    assert (last["operation"], json.loads(last["detail"])["outcome"]) == ("seal", "failed")


def test_group_first_sealed_stands(place):
    """A row offered under another group keeps the one it was sealed in, and is counted."""
    first = place.seal(rows(TEXTS))
    second = place.seal(rows(TEXTS).with_columns(group_id=pl.lit("joined")))
    assert second.regrouped == 5
    assert second.groups == first.groups


def test_other_normalizer_needs_every_row(place):
    """New fingerprints of sealed rows are taken when all rows are offered, refused when some would stay old."""
    frame = rows(TEXTS)
    place.seal(frame)
    renewed = fingerprints(frame).with_columns(pl.col("hash") ^ 1)
    with pytest.raises(StageFailed, match=r"1 sealed rows are not offered"):
        place.sealer.seal(frame[1:], renewed.filter(pl.col("row_id") != "row-0"), {})
    assert place.sealer.seal(frame, renewed, {}).rows == 5
    assert set(place.inside("fingerprints")["hash"]) == set(renewed["hash"])


def _broken(name):
    frame, slices = rows(TEXTS), {}
    marks = fingerprints(frame)
    if name == "repeated":
        frame = pl.concat([frame, frame[:1]])
    elif name == "no exact":
        marks = marks.filter((pl.col("row_id") != "row-0") | (pl.col("kind") != "exact"))
    elif name == "stranger":
        marks = pl.concat([marks, marks[:1].with_columns(row_id=pl.lit("who"))])
    elif name == "strange slice":
        slices = {"short": ["who"]}
    elif name == "kind":
        marks = marks.with_columns(kind=pl.lit("minhash"))
    elif name == "reserved":
        slices = {"all": ["row-0"]}
    elif name == "null":
        frame = frame.with_columns(text=pl.when(pl.col("row_id") != "row-0").then("text"))
    elif name == "column":
        frame = frame.drop("group_id")
    elif name == "type":
        marks = marks.with_columns(pl.col("hash").cast(pl.Float64))
    else:
        frame, marks = frame[:0], marks[:0]
    return frame, marks, slices


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("repeated", "1 rows repeat a row id"),
        ("no exact", "one exact hash each"),
        ("stranger", "not among the rows offered"),
        ("strange slice", "not among the rows offered"),
        ("kind", "no known kind"),
        ("reserved", "stands for every sealed row"),
        ("null", "1 rows have no text"),
        ("column", "group_id is missing"),
        ("type", "hash is Float64"),
        ("nothing", "no evaluation rows were offered"),
    ],
)
def test_malformed_offer_seals_nothing(place, name, message):
    """An offer that does not fit is refused in words, and nothing counts as sealed after it."""
    with pytest.raises(StageFailed, match=message):
        place.sealer.seal(*_broken(name))
    with pytest.raises(StageFailed, match="nothing sealed yet"):
        place.probe.sealed_rows()


_KILLED = """
import os, signal, sys
from pathlib import Path
from careful_assets.warehouse import vault_store
from careful_assets_tests.warehouse.vault_fixtures import Place, rows

def die(*arguments, **outcome):
    os.kill(os.getpid(), signal.SIGKILL)

vault_store.record = die  # all rows are written by then, and nothing is committed
Place(Path(sys.argv[1])).seal(rows([f"text {n}" for n in range(200)]))
"""


@pytest.mark.parametrize("sealed_before", [False, True])
def test_killed_sealing_leaves_the_vault_as_it_was(place, sealed_before):
    """After a kill before the commit the vault is what it was, and the sealing can be done again."""
    if sealed_before:
        before = place.seal(rows(["text 0", "text 1"]))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_KILLED), str(place.root)],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    if sealed_before:
        assert place.probe.sealed_rows() == 2
        assert place.inside("registry")["registry_state"].to_list() == [before.registry_state]
    else:
        with pytest.raises(StageFailed, match="nothing sealed yet; materialize anchors first"):
            place.probe.sealed_rows()
    assert place.seal(rows([f"text {n}" for n in range(200)])).rows == 200


def test_what_cannot_be_recorded_is_not_sealed(tmp_path):
    """Without a warehouse to record the opening in, nothing is sealed."""
    place = Place(tmp_path)
    place.warehouse.parent.mkdir()
    place.warehouse.write_bytes(b"no database")
    with pytest.raises(CarefulError):
        place.seal(rows(TEXTS))
    with pytest.raises(StageFailed, match="nothing sealed yet"):
        place.probe.sealed_rows()


def test_every_sealing_is_an_opening(place):
    """Each sealing leaves one numbered opening with counts, state and run."""
    sealed = place.seal(rows(TEXTS))
    place.seal(rows(TEXTS))
    openings = place.openings()
    assert openings["seq"].to_list() == [1, 2]
    first = openings.row(0, named=True)
    assert (first["stage"], first["grant_name"], first["operation"]) == ("anchors", "VaultSealer", "seal")
    assert (first["rows"], first["registry_state"], first["run_id"]) == (5, sealed.registry_state, "run-1")
    assert json.loads(first["detail"]) == {"outcome": "done", "offered": 5, "added": 5, "kept": 0}


def test_foundations_import_neither_rooms_nor_workshop():
    """The vault's modules import of the package only errors and the warehouse; the sandbox nothing of it."""
    folder = Path(sys.modules["careful_assets.warehouse.vault"].__file__).parent
    for path in [*folder.glob("vault*.py"), folder / "scorer_child.py", folder / "sandbox.py"]:
        ours = [line.split()[1] for line in path.read_text().splitlines() if line.startswith("from careful_assets")]
        allowed = () if path.name == "sandbox.py" else ("careful_assets.errors", "careful_assets.warehouse")
        assert all(name.startswith(allowed) if allowed else False for name in ours), path.name

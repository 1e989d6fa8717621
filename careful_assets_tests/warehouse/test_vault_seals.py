"""Vaults that were changed, exchanged, put back, or sealed by an earlier version: what is refused, in what words."""

import shutil

import polars as pl
import pytest

from careful_assets.errors import StageFailed
from careful_assets.warehouse.connections import connect
from careful_assets_tests.warehouse.leak_fixtures import asked, scan
from careful_assets_tests.warehouse.vault_fixtures import Place, rows

SEALED = ["a b c d e f", "good phone", "one", "the cable broke after a week"]


@pytest.fixture
def place(tmp_path):
    place = Place.at(tmp_path / "home")
    place.seal(rows(SEALED), {"short": ["row-0"]})
    return place


def inside(place, *statements):
    with connect(place.vault) as con:
        for statement in statements:
            con.execute(statement)


def on_record(place, state):
    with connect(place.warehouse) as con:
        con.execute("delete from anchors.vault_counts")
        con.execute(
            "insert into anchors.vault_counts by name select 'praise' as label, 1 as n, 1 as groups, "
            "1 as sum_of_squares, 1 as in_source, ? as registry_state",
            [state],
        )


def asks(place):
    return (
        place.probe.sealed_rows,
        lambda: place.probe.find_leaks([asked({"x": "one"})], scan()),
        lambda: place.probe.sealed_among(["row-1"]),
        lambda: place.probe.quality(None),
        lambda: place.scorer.score({"m": ["cat"]}, ["praise"]),
    )


@pytest.mark.parametrize(
    "change",
    [
        "update sealed.rows set text = 'two' where row_id = 'row-2'",
        "update sealed.rows set label = 'complaint' where row_id = 'row-2'",
        "delete from sealed.rows where row_id = 'row-2'",
        "update sealed.fingerprints set hash = hash + 1 where row_id = 'row-2'",
        "delete from sealed.tags",
        "update sealed.keys set key = 'another'::blob",
        "delete from sealed.keys",
        "delete from sealed.registry",
        "alter table sealed.rows alter label drop not null; update sealed.rows set label = null where row_id = 'row-2'",
        "drop table sealed.tags",
        "update sealed.registry set registry_state = 'other'",
        "insert into sealed.set_rows values ('s', 'r', 'text', 'praise')",
        "insert into sealed.ratings values ('row-0', 0.5)",
    ],
)
def test_a_changed_vault_refuses_everything(place, change):
    """Whatever was changed in the file by other means: no question is answered, and nothing is sealed over it."""
    inside(place, change)
    for ask in (*asks(place), lambda: place.seal(rows(SEALED))):
        with pytest.raises(StageFailed, match="its seal does not hold"):
            ask()


def test_a_vault_whose_seals_are_gone_is_held_to_its_state(place):
    """Without a seal, as vaults of before are, rows that are not those of the registry's state are refused."""
    inside(place, "update sealed.registry set seal = null")
    assert place.probe.sealed_rows() == len(SEALED)
    inside(place, "update sealed.rows set label = 'complaint' where row_id = 'row-2'")
    for ask in asks(place):
        with pytest.raises(StageFailed, match="its seal does not hold"):
            ask()


def test_seals_that_were_written_must_be_there(place):
    """Where the warehouse says that a version with seals sealed here, a vault without any refuses everything."""
    with connect(place.warehouse) as con:
        con.execute("insert into anchors.evaluation_sets values ('anchors', 'real', 4, 'd', null, null, null, 'state')")
    on_record(place, place.inside("registry")["registry_state"][-1])
    assert place.probe.sealed_rows() == len(SEALED)
    inside(
        place, "update sealed.registry set seal = null", "update sealed.rows set text = 'two' where row_id = 'row-2'"
    )
    for ask in (*asks(place), lambda: place.seal(rows(SEALED)), lambda: place.kin(rows(SEALED))):
        with pytest.raises(StageFailed, match="its seal does not hold"):
            ask()


def test_another_warehouses_vault_does_not_grow(place, tmp_path):
    """Nothing is sealed in a vault that never had a state of this warehouse; in an older copy of the own one it is."""
    older = shutil.copy(place.vault, tmp_path / "older")
    with connect(place.warehouse) as con:
        con.execute(
            "insert into provenance.versions by name select 1 as seq, 'anchors' as stage, 'v' as data_version,"
            " '{}' as upstream, 'c' as card_digest, 'run-0' as run_id, now() as made_at, ? as registry_state",
            [place.inside("registry")["registry_state"][-1]],
        )
    grown = place.seal(rows(["a new one"], start=9)).registry_state
    on_record(place, grown)
    other = Place.at(tmp_path / "other")
    other.seal(rows(["quite", "another", "ruler"]))
    shutil.copy(other.vault, place.vault)
    for ask in (
        lambda: place.seal(rows(SEALED)),
        lambda: place.kin(rows(SEALED)),
        lambda: place.sealer.erase(["row-1"]),
    ):
        with pytest.raises(StageFailed, match=r"never had a state that .* has on record"):
            ask()
    assert place.inside("rows").height == 3
    shutil.copy(older, place.vault)
    assert place.seal(rows(["a new one"], start=9)).registry_state == grown


def test_canaries_lie_outside_of_the_seal(place):
    """They are registered without a new state."""
    inside(place, "insert into sealed.canaries values ('d', 'text', 'release', 'n', now())")
    assert place.probe.sealed_rows() == 4


def test_an_older_vault_is_taken_as_it_is_until_it_is_sealed_again(place):
    """One with n-gram marks, without a seal or further tables, opens, keeps its state when sealed again, and grows."""
    inside(place, "insert into sealed.fingerprints values ('row-0', 'ngram', 5), ('row-3', 'ngram', -7)")
    from careful_assets.warehouse import vault_store

    with connect(place.vault) as con:
        state = vault_store.register(con, "run-0", 0)
    gone = [f"drop table sealed.{name}" for name in ("ratings", "sets", "set_rows", "set_lineage", "canaries")]
    inside(place, "alter table sealed.registry drop column seal", *gone)
    assert place.probe.find_leaks([asked({"x": "one"})], scan()).found.height == 1
    assert place.probe.quality(None)["rows"].sum() == 4
    assert place.seal(rows(SEALED), {"short": ["row-0"]}).registry_state == state
    assert place.inside("registry").sort("seq")["seal"][-1] is not None
    assert place.inside("fingerprints").filter(kind="ngram").height == 2
    assert place.seal(rows(["a new one"], start=9)).rows == 5
    inside(place, "update sealed.rows set text = 'two' where row_id = 'row-2'")
    with pytest.raises(StageFailed, match="its seal does not hold"):
        place.probe.sealed_rows()


def test_a_vault_that_is_not_the_warehouses_refuses_everything(place, tmp_path):
    """One put back from an older copy, or of other rows; an older warehouse is told apart. The sealer goes on."""
    older = shutil.copy(place.vault, tmp_path / "older")
    first = place.inside("registry")["registry_state"][-1]
    state = place.seal(rows(["a new one"], start=9)).registry_state
    on_record(place, state)
    assert place.probe.sealed_rows() == 5
    on_record(place, first)
    for ask in asks(place):
        with pytest.raises(StageFailed, match=r"an earlier state of this vault.*materialize anchors again"):
            ask()
    assert place.seal(rows(SEALED)).registry_state == state
    on_record(place, state)
    shutil.copy(older, place.vault)
    other = Place.at(tmp_path / "other")
    other.seal(rows(["quite", "another", "ruler"]))
    for exchanged in (older, other.vault):
        shutil.copy(exchanged, place.vault)
        for ask in asks(place):
            with pytest.raises(StageFailed, match=r"this vault never had.*restore the vault that belongs"):
                ask()
    assert set(place.openings().filter(pl.col("grant_name") == "VaultProbe")["rows"]) == {0}

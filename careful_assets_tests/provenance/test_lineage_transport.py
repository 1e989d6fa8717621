"""Collectors over real HTTP, well and ill: no stage fails or waits for long, and no event is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.provenance.lineage import datasets, emitter, outbox
from careful_assets.provenance.lineage.collector import Address, BadAddress, Collector, NotSent
from careful_assets.provenance.lineage.outbox import events_file, outbox_file
from careful_assets.warehouse.home import Home
from careful_assets_tests.life.arrange import Life
from careful_assets_tests.provenance.collectors import SLOW_S, Manner, collecting, events_in, waited

_KEY = "key-that-nobody-may-see"


@pytest.fixture(autouse=True)
def _untried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emitter, "BREAKER", emitter._Breaker())


def _address(monkeypatch: pytest.MonkeyPatch, url: str, **more: str) -> None:
    for name, value in {"URL": url, "API_KEY": _KEY, **more}.items():
        monkeypatch.setenv(f"OPENLINEAGE_{name}", value)


def _warnings(log: str) -> list[str]:
    """What a run's log says of lineage."""
    return [line for line in log.splitlines() if " lineage: an event " in line or " lineage: OPENLINEAGE_URL" in line]


def test_a_collector_gets_every_event(copied_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event arrives as it stands in the file, at the endpoint and with the key that the environment names."""
    with collecting() as collector:
        _address(monkeypatch, collector.url, ENDPOINT="own/place")
        assert copied_life.materialize("retirement").success
    events = events_in(events_file(copied_life.home))
    assert len(events) == 3
    assert collector.taken == events
    assert set(collector.keys) == {f"Bearer {_KEY}"}
    assert set(collector.paths) == {"/own/place"}
    assert not outbox_file(copied_life.home).exists()
    assert _KEY not in events_file(copied_life.home).read_text()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home")


def _emitted(home: Home, count: int = 3) -> list[str]:
    """What is warned of while so many events are told."""
    return [words for number in range(count) for words in emitter.emit(home, {"number": number})]


def test_a_collector_that_hangs_fails_no_stage(copied_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage succeeds, the collector is left alone after one attempt, and the outbox holds every event."""
    monkeypatch.setattr(emitter, "SECONDS", 0.3)
    with collecting("hangs") as collector:
        _address(monkeypatch, collector.url)
        assert copied_life.materialize("retirement").success
        assert collector.asked == 1
    events = events_in(events_file(copied_life.home))
    assert [event["eventType"] for event in events] == ["START", "COMPLETE", "OTHER"]
    assert events_in(outbox_file(copied_life.home)) == events


_WORDS: dict[Manner, str] = {
    "trickles": "did not answer within 0.3 s", "fails": "the collector answered 500.",
    "shuts out": "the collector answered 401.", "mumbles": "the collector answered 199.",
    "sends on": "answered 302 with another address", "sends all on": "answered 307 with another address",
}  # fmt: skip


@pytest.mark.parametrize("manner", _WORDS)
def test_an_ill_collector_is_asked_once(manner: Manner, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that fails is left alone after one attempt, the outbox holds every event, and the words fit."""
    if manner == "trickles":
        monkeypatch.setattr(emitter, "SECONDS", 0.3)
    with collecting(manner) as collector:
        _address(monkeypatch, collector.url)
        (warning,) = _emitted(home)
        assert collector.asked == 1
    assert _WORDS[manner] in warning
    assert events_in(outbox_file(home)) == events_in(events_file(home)) == [{"number": n} for n in range(3)]
    assert collector.taken == []


def test_a_slow_collector_is_left_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once sends took too long together, later events wait in the outbox: each event is in one of the two places."""
    monkeypatch.setattr(emitter, "SECONDS", 30.0)
    monkeypatch.setattr(emitter, "BUDGET_S", 2.5 * SLOW_S)
    with collecting("dawdles") as collector:
        _address(monkeypatch, collector.url)
        (warning,) = _emitted(home, 6)
        assert 1 <= collector.asked <= 3
    assert "the collector is slow" in warning
    assert collector.taken + events_in(outbox_file(home)) == [{"number": n} for n in range(6)]


def test_what_was_acknowledged_too_late_comes_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """At least once: an event that the collector took after its time lies in the outbox, too."""
    monkeypatch.setattr(emitter, "SECONDS", SLOW_S / 6)
    with collecting("dawdles") as collector:
        _address(monkeypatch, collector.url)
        _emitted(home, 1)
        assert waited(lambda: collector.taken)
    assert collector.taken == events_in(outbox_file(home)) == [{"number": 0}]


def test_whatever_breaks_in_sending_an_event_is_kept_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect on the way to the collector is told by its kind alone; the event is in file and outbox, once each."""

    def broken(*_: object) -> None:
        raise RuntimeError("http://someone:secret@host")

    monkeypatch.setattr(emitter, "Collector", broken)
    _address(monkeypatch, "http://127.0.0.1:9")
    (warning,) = _emitted(home, 1)
    assert "RuntimeError" in warning
    assert "secret" not in warning
    assert events_in(outbox_file(home)) == events_in(events_file(home)) == [{"number": 0}]


def test_an_absent_collector_costs_nothing_but_a_warning(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens, that is said once, without key and address, and the outbox holds all."""
    with collecting() as collector:
        nobody = collector.url
    _address(monkeypatch, nobody.replace("http://", "http://someone:secret@"))
    (warning,) = _emitted(home)
    assert len(events_in(outbox_file(home))) == 3
    assert "careful flush" in warning
    assert "secret" not in warning
    assert _KEY not in warning


def test_a_refused_event_stops_no_other(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that will not have an event is well: the next is sent to it all the same."""
    with collecting("refuses") as collector:
        _address(monkeypatch, collector.url)
        assert len(set(_emitted(home))) == 1
        assert collector.asked == 3
    assert len(events_in(outbox_file(home))) == 3


def test_an_endless_answer_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status says that the event was taken; an answer's body, however long, is left alone."""
    with collecting("floods") as collector:
        Collector(Address(collector.url), 5).send({"x": 1})
        assert collector.taken == [{"x": 1}]


def test_switched_off_nothing_is_sent(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """OPENLINEAGE_DISABLED keeps events at home: in the file, not in the outbox."""
    with collecting() as collector:
        _address(monkeypatch, collector.url, DISABLED="True")
        assert _emitted(home) == []
        assert collector.asked == 0
    assert len(events_in(events_file(home))) == 3
    assert not outbox_file(home).exists()


_MALFORMED = [
    "localhost:5000", "ftp://somewhere", "http://", "http://host:port", "http://[::1", "http://u:s3cr3t@exa mple/",
    "http://%zz/", "http://u:s3cr3t@a..b/", f"http://u:s3cr3t@{'a' * 70}/", "http://*.x/", "http://host:99999", "http://.",
    "http://u:s3cr3t@ho\tst/", "http://u:s3cr3t@[z]/",
]  # fmt: skip


@pytest.mark.parametrize("url", _MALFORMED)
def test_a_malformed_address_loses_no_event(url: str, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no request can be made to is warned of in our words, without the address, and events wait in the outbox."""
    _address(monkeypatch, url)
    with pytest.raises(BadAddress):
        Address.of()
    warnings = _emitted(home, 2)
    assert events_in(outbox_file(home)) == events_in(events_file(home)) == [{"number": 0}, {"number": 1}]
    assert len(set(warnings)) == 1
    assert "OPENLINEAGE_URL" in warnings[0]
    assert "s3cr3t" not in warnings[0]


def test_an_endpoint_can_spoil_an_address() -> None:
    """The endpoint is joined to the address: what comes out must be one, too."""
    with pytest.raises(BadAddress, match="OPENLINEAGE_ENDPOINT"):
        Address.of({"OPENLINEAGE_URL": "http://host", "OPENLINEAGE_ENDPOINT": "http://%zz/"})
    assert Address.of({"OPENLINEAGE_URL": "https://host:1/in", "OPENLINEAGE_ENDPOINT": "a b"}) is not None


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=20) | st.text(alphabet="ab.:/@%[]* \t\\_-0é字", max_size=20))
def test_any_address_is_refused_or_can_be_asked(rest: str) -> None:
    """Whatever follows http://, it is refused as an address, or a collector can be made of it."""
    with suppress(BadAddress):
        address = Address.of({"OPENLINEAGE_URL": f"http://{rest}"})
        assert address is not None
        Collector(address, 1).close()


def test_a_malformed_address_is_told_once_a_run(
    copied_life: Life, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A run succeeds with one warning, has one end, and its events stand in the file and in the outbox, once each."""
    _address(monkeypatch, "http://u:s3cr3t@exa mple/")
    assert copied_life.materialize("retirement").success
    log = capfd.readouterr().err
    (warning,) = _warnings(log)
    assert "OPENLINEAGE_URL" in warning
    assert "s3cr3t" not in log
    events = events_in(events_file(copied_life.home))
    assert [event["eventType"] for event in events] == ["START", "COMPLETE", "OTHER"]
    assert events_in(outbox_file(copied_life.home)) == events


def _dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere" / "at all")


def _file(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("spoil", [_file, Path.mkdir, _dangling])
@pytest.mark.parametrize("part", ["lineage", "lineage/events.ndjson"])
def test_what_stands_in_the_way_is_warned_of(part: str, spoil: Callable[[Path], None], home: Home) -> None:
    """A file, a folder or a dead link in the place of either: the home is prepared, and telling is a warning."""
    (home.root / part).parent.mkdir(parents=True)
    spoil(home.root / part)
    home.prepare()
    warnings = _emitted(home)
    usable = (part, spoil) in (("lineage", Path.mkdir), ("lineage/events.ndjson", _file))
    assert len(set(warnings)) == (0 if usable else 1)
    assert len(events_in(events_file(home)) if usable else []) == 3 * usable


def test_an_unwritable_folder_fails_no_stage(copied_life: Life, capfd: pytest.CaptureFixture[str]) -> None:
    """Where no event can be written at all, the stage is made and the run's log says what is missing, once."""
    shutil.rmtree(copied_life.home.lineage, ignore_errors=True)
    _file(copied_life.home.lineage)
    assert copied_life.materialize("retirement").success
    assert len(_warnings(capfd.readouterr().err)) == 1


def test_a_file_that_stays_locked_is_gone_on_without(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped with the lock in hand holds nobody up: the event is given up with a warning."""
    monkeypatch.setattr(outbox, "LOCK_S", 0.1)
    home.lineage.mkdir(parents=True)
    with outbox.locked(events_file(home)):
        (warning,) = _emitted(home, 1)
    assert "another process has kept it locked" in warning
    assert _emitted(home, 1) == []
    assert len(events_in(events_file(home))) == 1


def test_a_story_that_cannot_be_told_fails_no_stage(
    copied_life: Life, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A defect in the telling is a warning that names its place, not the foreign message; the run still has an end."""

    def broken(*_: object) -> None:
        raise ValueError("quotes a row")

    monkeypatch.setattr(datasets, "outputs_made", broken)
    assert copied_life.materialize("retirement").success
    log = capfd.readouterr().err
    assert "could not be told in full (ValueError at" in log
    states = [event["eventType"] for event in events_in(events_file(copied_life.home))]
    assert states == ["START", "COMPLETE", "OTHER"]
    assert "quotes a row" not in log


def test_the_clock_is_kept_whatever_the_collector_does() -> None:
    """An attempt ends with its time, and says what was wrong without saying where."""
    for manner in ("hangs", "trickles"):
        with collecting(manner) as collector, pytest.raises(NotSent, match=r"did not answer within 0\.3 s"):
            Collector(Address(collector.url), 0.3).send({"x": 1})

"""Collectors over real HTTP, well and ill: no stage fails or waits for long, and no event is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from careful_assets.provenance.lineage import datasets, emitter
from careful_assets.provenance.lineage.collector import Address, BadAddress, Collector, NotSent
from careful_assets.provenance.lineage.outbox import events_file, outbox_file
from careful_assets.warehouse.home import Home
from careful_assets_tests.life.arrange import Life
from careful_assets_tests.provenance.collectors import Manner, collecting, events_in

_KEY = "key-that-nobody-may-see"


@pytest.fixture(autouse=True)
def _untried() -> Iterator[None]:
    emitter.BREAKER.reset()
    yield
    emitter.BREAKER.reset()


def _address(monkeypatch: pytest.MonkeyPatch, url: str, **more: str) -> None:
    for name, value in {"URL": url, "API_KEY": _KEY, **more}.items():
        monkeypatch.setenv(f"OPENLINEAGE_{name}", value)


def _warnings(log: str) -> list[str]:
    """What a run's log says of lineage."""
    return [line for line in log.splitlines() if "lineage: " in line]


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


@pytest.mark.parametrize("manner", ["hangs", "trickles", "fails", "shuts out", "sends on"])
def test_an_ill_collector_is_asked_once(manner: Manner, copied_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage succeeds, a collector that fails is left alone after one attempt, and the outbox holds every event."""
    monkeypatch.setattr(emitter, "SECONDS", 0.5)
    with collecting(manner) as collector:
        _address(monkeypatch, collector.url)
        assert copied_life.materialize("retirement").success
        assert collector.asked == 1
    events = events_in(events_file(copied_life.home))
    assert [event["eventType"] for event in events] == ["START", "COMPLETE", "OTHER"]
    assert events_in(outbox_file(copied_life.home)) == events
    assert collector.taken == []


def test_an_absent_collector_costs_nothing_but_a_warning(
    copied_life: Life, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where nobody listens, the run's log says so once, names no key and no address, and the outbox holds all."""
    with collecting() as collector:
        nobody = collector.url
    _address(monkeypatch, nobody.replace("http://", "http://someone:secret@"))
    assert copied_life.materialize("retirement").success
    log = capfd.readouterr().err
    assert len(events_in(outbox_file(copied_life.home))) == 3
    warnings = _warnings(log)
    assert len(warnings) == 1
    assert "careful flush" in warnings[0]
    assert "secret" not in log
    assert _KEY not in log


def test_a_refused_event_stops_no_other(copied_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that will not have an event is well: the next is sent to it all the same."""
    with collecting("refuses") as collector:
        _address(monkeypatch, collector.url)
        assert copied_life.materialize("retirement").success
        assert collector.asked == 3
    assert len(events_in(outbox_file(copied_life.home))) == 3


def test_an_endless_answer_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status says that the event was taken; an answer's body, however long, is left alone."""
    with collecting("floods") as collector:
        Collector(Address(collector.url), 5).send({"x": 1})
        assert collector.taken == [{"x": 1}]


def test_switched_off_nothing_is_sent(copied_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """OPENLINEAGE_DISABLED keeps events at home: in the file, not in the outbox."""
    with collecting() as collector:
        _address(monkeypatch, collector.url, DISABLED="True")
        assert copied_life.materialize("retirement").success
        assert collector.asked == 0
    assert len(events_in(events_file(copied_life.home))) == 3
    assert not outbox_file(copied_life.home).exists()


@pytest.mark.parametrize("url", ["localhost:5000", "ftp://somewhere", "http://", "http://host:port", "http://[::1"])
def test_a_malformed_address_fails_no_stage(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is no address of an HTTP server is warned of, and events wait in the outbox."""
    _address(monkeypatch, url)
    with pytest.raises(BadAddress):
        Address.of()
    warnings: list[str] = []
    emitter.emit(Home(tmp_path), {"x": 1}, warnings.append)
    assert events_in(outbox_file(Home(tmp_path))) == [{"x": 1}]
    assert len(warnings) == 1


def test_an_unwritable_folder_fails_no_stage(copied_life: Life, capfd: pytest.CaptureFixture[str]) -> None:
    """Where events cannot be written at all, the stage is made and the run's log says what is missing, once."""
    shutil.rmtree(copied_life.home.lineage, ignore_errors=True)
    events_file(copied_life.home).mkdir(parents=True)
    assert copied_life.materialize("retirement").success
    log = capfd.readouterr().err
    warnings = _warnings(log)
    assert len(warnings) == 1


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

"""`careful flush`: what waits is sent once each and in order, whatever happens on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from careful_assets.operations.flush import NoCollector, flush, flush_text
from careful_assets.provenance.lineage.outbox import append_line, encoded, locked, outbox_file, refused_file
from careful_assets.warehouse.home import Home
from careful_assets_tests.cli.projects import careful
from careful_assets_tests.provenance.collectors import collecting, events_in, waited

_CHILD = "from careful_assets.cli import main; main()"


def _fill(home: Home, first: int, last: int) -> list[dict[str, Any]]:
    events = [{"eventType": "START", "run": {"runId": f"{n}"}, "job": {"name": "a/b"}} for n in range(first, last)]
    for event in events:
        append_line(outbox_file(home), encoded(event))
    return events


def _silent(done: int, total: int) -> None:
    """Nothing to show."""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home beside an empty project."""
    (tmp_path / "project" / "cards").mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text(
        '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "x"\n'
    )
    return Home(tmp_path / "home")


def test_everything_is_sent_once_and_in_order(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waited arrives in order, progress is told, and a second flush has nothing to do."""
    events = _fill(home, 0, 20)
    seen = []
    with collecting() as collector:
        monkeypatch.setenv("OPENLINEAGE_URL", collector.url)
        report = flush(home, lambda done, total: seen.append((done, total)))
        again = flush(home, _silent)
    assert collector.taken == events
    assert (report["sent"], report["left"], report["refused"]) == (20, 0, 0)
    assert (again["sent"], again["left"]) == (0, 0)
    assert seen == [(n, 20) for n in range(1, 21)]
    assert sorted(path.name for path in home.lineage.iterdir()) == ["flush.lock"]


def test_what_cannot_be_sent_stays(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that fails ends the flush; later events queue up behind, and the next flush sends all in order."""
    events = _fill(home, 0, 5)
    with collecting("fails") as collector:
        monkeypatch.setenv("OPENLINEAGE_URL", collector.url)
        report = flush(home, _silent)
        assert collector.asked == 1
    assert (report["sent"], report["left"]) == (0, 5)
    assert report["stopped"] == "the collector answered 500"
    events += _fill(home, 5, 8)
    with collecting() as collector:
        monkeypatch.setenv("OPENLINEAGE_URL", collector.url)
        assert flush(home, _silent)["sent"] == 8
    assert collector.taken == events


def test_refused_events_are_kept_apart(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the collector will not have, and what is no event, is told and lies in a file of its own."""
    (event,) = _fill(home, 0, 1)
    append_line(outbox_file(home), b"{broken\n")
    with collecting("refuses") as collector:
        monkeypatch.setenv("OPENLINEAGE_URL", collector.url)
        report = flush(home, _silent)
    assert (report["sent"], report["refused"], report["left"]) == (0, 2, 0)
    assert [one["run"] for one in report["refusals"]] == ["0", "unknown"]
    assert refused_file(home).read_bytes() == encoded(event) + b"{broken\n"


def test_a_killed_flush_is_taken_up(home: Home, tmp_path: Path) -> None:
    """Killed with an event in flight, the next flush sends that one and the rest; none is lost, none doubled."""
    events = _fill(home, 0, 200)
    with collecting() as collector:
        environment = os.environ | {"CAREFUL_HOME": str(home.root), "OPENLINEAGE_URL": collector.url}
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, "flush"],
            cwd=tmp_path / "project",
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        assert waited(lambda: len(collector.taken) >= 20, 60)
        child.send_signal(signal.SIGKILL)
        child.wait()
        before = len(collector.taken)
        assert 20 <= before < 200
        done = careful("flush", "--json", cwd=tmp_path / "project", **{
            name: environment[name] for name in ("CAREFUL_HOME", "OPENLINEAGE_URL")
        })  # fmt: skip
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
    assert report["left"] == 0
    assert 200 - before <= report["sent"] <= 201 - before
    unique = list({event["run"]["runId"]: event for event in collector.taken}.values())
    assert unique == events
    assert len(collector.taken) <= 201


def test_a_torn_last_line_is_no_event(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kill left of a line is not sent."""
    events = _fill(home, 0, 2)
    with outbox_file(home).open("ab") as stream:
        stream.write(b'{"eventType": "STA')
    with collecting() as collector:
        monkeypatch.setenv("OPENLINEAGE_URL", collector.url)
        assert flush(home, _silent)["refused"] == 0
    assert collector.taken == events


def test_a_second_flush_says_so(home: Home, tmp_path: Path) -> None:
    """While one flush sends, another ends with code 1 and names the first."""
    _fill(home, 0, 1)
    with collecting() as collector, locked(home.lineage / "flush.lock"):
        done = careful("flush", cwd=tmp_path / "project", CAREFUL_HOME=str(home.root), OPENLINEAGE_URL=collector.url)
    assert done.returncode == 1
    assert "another careful flush" in done.stderr
    assert collector.asked == 0


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OPENLINEAGE_URL": "nowhere"},
        {"OPENLINEAGE_URL": "http://u:s3cr3t@exa mple/"},
        {"OPENLINEAGE_DISABLED": "true"},
    ],
)
def test_without_a_collector_the_call_is_wrong(
    home: Home, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No address, or a malformed one, is an error of usage, and the outbox stays as it is."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    _fill(home, 0, 1)
    with pytest.raises(NoCollector, match="OPENLINEAGE_URL") as caught:
        flush(home, _silent)
    assert caught.value.exit_code == 64
    assert "s3cr3t" not in str(caught.value)
    assert len(events_in(outbox_file(home))) == 1


def test_an_empty_outbox_is_done(home: Home, tmp_path: Path) -> None:
    """Nothing waits: code 0, and the text says so."""
    done = careful("flush", cwd=tmp_path / "project", CAREFUL_HOME=str(home.root), OPENLINEAGE_URL="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "0 events sent, 0 refused, 0 left in the outbox\n"


@pytest.mark.parametrize("mark", [b"x", b"-0000000000000000001", b"9" * 20, b"0" * 19 + b"5", b"0" * 25, b"\xff" * 20])
def test_a_damaged_mark_starts_from_the_first(mark: bytes, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it stopped cannot be read: every event is sent, again if need be, none is lost, and the report says so."""
    events = _fill(home, 0, 3)
    outbox_file(home).rename(home.lineage / "sending.ndjson")
    (home.lineage / "sending.at").write_bytes(mark)
    with collecting() as collector:
        monkeypatch.setenv("OPENLINEAGE_URL", collector.url)
        report = flush(home, _silent)
    assert collector.taken == events
    assert (report["sent"], report["left"], len(report["warnings"])) == (3, 0, 1)
    assert "warning: " in flush_text(report)


def test_a_whole_mark_is_believed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier flush has sent is not sent again."""
    events = _fill(home, 0, 3)
    outbox_file(home).rename(home.lineage / "sending.ndjson")
    (home.lineage / "sending.at").write_bytes(f"{len(encoded(events[0])):020d}".encode())
    with collecting() as collector:
        monkeypatch.setenv("OPENLINEAGE_URL", collector.url)
        assert flush(home, _silent)["warnings"] == []
    assert collector.taken == events[1:]

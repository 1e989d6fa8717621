"""`careful flush`: sends the lineage events that wait in the outbox, in order, each until the collector has taken it.

What is being sent lies in `sending.ndjson`, and how far that has come in `sending.at`, so that a flush that is killed
is taken up where it stopped. Sending is at least once: the event then in flight, or one that the collector took too
late to be heard of, comes again; consumers upsert by run id, state and time. Events that the collector will not have
(400, 413, 422, or a damaged line) move to `refused.ndjson` for a person to read; whatever else fails ends the flush.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from careful_assets.errors import CarefulError, Exit
from careful_assets.provenance.lineage.collector import Address, BadAddress, Collector, NotSent
from careful_assets.provenance.lineage.outbox import append_line, locked, outbox_file, refused_file, whole_end
from careful_assets.warehouse.home import Home, alone, explained

SECONDS = 10.0  # what the collector may take for an event: nobody's run waits for it
Progress = Callable[[int, int], None]


class NoCollector(CarefulError):
    """There is nowhere to send events to."""

    exit_code = Exit.USAGE


def flush(home: Home, progress: Progress) -> dict[str, Any]:
    """Send what waits; `progress` hears how many events of how many are done.

    Returns:
        `sent`, `refused` and `left`: numbers of events; `refusals`: for each refused one its run, job and the reason;
        `stopped`: why some are left, or None; `warnings`: what was amiss and did not end it; `refused_file`.

    Raises:
        NoCollector: OPENLINEAGE_URL is not set, or is no address.
        StageFailed: another flush is under way.
        HomeUnusable: the outbox cannot be read or written.
    """
    collector = _collector()
    report: dict[str, Any] = {"sent": 0, "refused": 0, "refusals": [], "stopped": None, "warnings": []}
    with explained(home.lineage):
        home.lineage.mkdir(parents=True, exist_ok=True)
        with alone(home.lineage / "flush.lock", _busy(home)):
            sending = _Sending(home, report["warnings"])
            while report["stopped"] is None and sending.take():
                _send(sending, collector, home, progress, report)
            report["left"] = sending.left() + _lines(outbox_file(home))
    collector.close()
    return report | {"refused_file": str(refused_file(home))}


def flush_text(report: dict[str, Any]) -> str:
    """The report for a terminal."""
    lines = [f"{report['sent']} events sent, {report['refused']} refused, {report['left']} left in the outbox"]
    lines += [f"  refused: {one['job']} ({one['state']}, run {one['run']}): {one['why']}" for one in report["refusals"]]
    if report["refusals"]:
        lines.append(f"  refused events stay in {report['refused_file']}")
    lines += [f"  warning: {words}" for words in report["warnings"]]
    if report["stopped"] is not None:
        lines.append(f"  stopped: {report['stopped']}; once the collector is well, run careful flush again")
    return "\n".join(lines)


def _collector() -> Collector:
    try:
        address = Address.of()
    except BadAddress as error:
        raise NoCollector(f"{error}; nothing was sent. Mend it and run careful flush again") from None
    if address is None:
        raise NoCollector(
            "OPENLINEAGE_URL is not set, or OPENLINEAGE_DISABLED is true: there is no collector to send events to. Set "
            "OPENLINEAGE_URL to its address and run careful flush again"
        )
    return Collector(address, SECONDS)


class _Sending:
    """The events being sent, and how far that has come."""

    def __init__(self, home: Home, warnings: list[str]) -> None:
        self._warnings = warnings
        self._outbox = outbox_file(home)
        self._file = home.lineage / "sending.ndjson"
        self._mark = home.lineage / "sending.at"

    def take(self) -> bool:
        """Have a file of events to send: what an earlier flush left, else the outbox; False if there is neither."""
        if self._file.exists():
            self._mend_mark()
            return True
        self._mark.unlink(missing_ok=True)  # it counts in a file that is gone
        if not self._outbox.exists():
            return False
        with locked(self._outbox) as file:
            os.ftruncate(file, whole_end(file))
            self._outbox.rename(self._file)
        return True

    def lines(self) -> Iterator[bytes]:
        """The events not yet done; each counts as done, durably, once the next is asked for."""
        mark = os.open(self._mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with self._file.open("rb") as stream:
                stream.seek(self._done())
                for line in iter(stream.readline, b""):
                    yield line
                    os.pwrite(mark, f"{stream.tell():020d}".encode(), 0)
                    os.fsync(mark)
        finally:
            os.close(mark)
        self._file.unlink()
        self._mark.unlink()

    def left(self) -> int:
        """How many events are not done."""
        return _lines(self._file, self._done())

    def _done(self) -> int:
        return int(self._mark.read_bytes() or 0) if self._mark.exists() else 0

    def _mend_mark(self) -> None:
        """Forget a mark that is none: no end of a line of the file."""
        mark = self._mark.read_bytes() if self._mark.exists() else b""
        if not mark:
            return
        whole = re.fullmatch(rb"[0-9]{20}", mark) is not None and int(mark) <= self._file.stat().st_size
        with self._file.open("rb") as stream:
            if whole and int(mark) > 0:
                stream.seek(int(mark) - 1)
                whole = stream.read(1) == b"\n"
        if not whole:
            self._mark.unlink()
            self._warnings.append(f"{self._mark} was damaged: the events of {self._file} are sent again from the first")


def _send(sending: _Sending, collector: Collector, home: Home, progress: Progress, report: dict[str, Any]) -> None:
    total = sending.left()
    for done, line in enumerate(sending.lines(), 1):
        event = _event(line)
        try:
            if event is None:
                raise NotSent("the line is damaged: it is no event", refused=True)
            collector.send(event)
            report["sent"] += 1
        except NotSent as error:
            if not error.refused:
                report["stopped"] = str(error)
                return
            append_line(refused_file(home), line)
            report["refused"] += 1
            report["refusals"].append({**_told(event or {}), "why": str(error)})
        progress(done, total)


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _told(event: dict[str, Any]) -> dict[str, str]:
    """Which event it is."""
    run, job = event.get("run") or {}, event.get("job") or {}
    return {
        "job": str(job.get("name", "unknown")),
        "state": str(event.get("eventType", "unknown")),
        "run": str(run.get("runId", "unknown")),
    }


def _lines(path: Path, start: int = 0) -> int:
    if not path.exists():
        return 0
    with path.open("rb") as stream:
        stream.seek(start)
        return sum(1 for _ in stream)


def _busy(home: Home) -> str:
    return (
        f"another careful flush is sending the events of {home.lineage}; wait for it to end, and run this again if "
        "events are left"
    )

"""Where an event goes: into the home's file always, to the collector as well where there is one, else to the outbox.

Nothing here fails a stage, and a collector that is down costs a process one attempt in a while: after it, events go to
the outbox at once. Belongs here: the order of these, and who is warned. Does not belong here: writing lines (`outbox`),
asking the collector (`collector`) and sending what lies in the outbox (`operations.flush`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from careful_assets.provenance.lineage.collector import Address, BadAddress, Collector, NotSent
from careful_assets.provenance.lineage.outbox import append_line, encoded, events_file, outbox_file
from careful_assets.warehouse.home import Home

SECONDS = 2.0  # what a collector may take for an event
REST_S = 300.0  # how long one that failed is left alone

Warn = Callable[[str], None]


class _Breaker:
    """Which collectors are left alone, and until when; shared by the threads of a process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._until: dict[Address, float] = {}

    def is_open(self, address: Address) -> bool:
        with self._lock:
            return time.monotonic() < self._until.get(address, 0.0)

    def trip(self, address: Address) -> None:
        with self._lock:
            self._until[address] = time.monotonic() + REST_S

    def reset(self) -> None:
        with self._lock:
            self._until.clear()


BREAKER = _Breaker()


def emit(home: Home, event: dict[str, Any], warn: Warn) -> None:
    """Write the event and send it on; what goes wrong is said to `warn`, in words without text of rows or secrets.

    Raises:
        TypeError: the event holds something that is no plain value.
    """
    line = encoded(event)
    try:
        append_line(events_file(home), line)
    except OSError as error:
        warn(f"lineage: an event could not be written to {events_file(home)}: {error.strerror}; the run goes on")
    why = _unsent(event, warn)
    if why is None:
        return
    try:
        append_line(outbox_file(home), line)
    except OSError as error:
        warn(
            f"lineage: an event was not sent ({why}) and could not be kept in {outbox_file(home)}: {error.strerror}; "
            "the collector will lack it"
        )


def _unsent(event: dict[str, Any], warn: Warn) -> str | None:
    """Why the event must wait in the outbox; None if it was sent, or nobody wants it."""
    try:
        address = Address.of()
    except BadAddress as error:
        warn(f"lineage: {error}. Events wait in the outbox; mend it, then run: careful flush")
        return str(error)
    if address is None:
        return None
    if BREAKER.is_open(address):
        return "the collector failed before"
    try:
        Collector(address, SECONDS).send(event)
    except NotSent as error:
        rest = "Later events go to the outbox unsent" if not error.refused else "It waits in the outbox"
        warn(f"lineage: an event was not sent: {error}. {rest}; once the collector is well, run: careful flush")
        if not error.refused:
            BREAKER.trip(address)
        return str(error)
    return None

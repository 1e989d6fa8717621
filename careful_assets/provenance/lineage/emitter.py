"""Where an event goes: into the home's file always, to the collector as well where there is one, else to the outbox.

Nothing here fails a stage, and what a collector costs a process is bounded: one that fails is left alone for a while,
and so is one that takes its events slowly; meanwhile they go to the outbox at once. Sending is at least once: an event
that was taken too late to be heard of lies in the outbox, too. Belongs here: the order of these, and what is warned of.
Does not belong here: writing lines (`outbox`), asking the collector (`collector`) and sending what lies in the outbox
(`operations.flush`).
"""

from __future__ import annotations

import time
from threading import Lock
from typing import Any

from careful_assets.provenance.lineage.collector import Address, BadAddress, Collector, NotSent
from careful_assets.provenance.lineage.outbox import append_line, encoded, events_file, outbox_file
from careful_assets.warehouse.home import Home

SECONDS = 2.0  # what a collector may take for an event
REST_S = 300.0  # how long one that failed, or was slow, is left alone
BUDGET_S = 4.0  # what sends may take together within REST_S before a collector counts as slow


class _Breaker:
    """Which collectors are left alone, and until when; shared by the threads of a process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._until: dict[Address, float] = {}
        self._spent: dict[Address, list[tuple[float, float]]] = {}  # by send: when it ended, and what it took

    def is_open(self, address: Address) -> bool:
        with self._lock:
            return time.monotonic() < self._until.get(address, 0.0)

    def trip(self, address: Address) -> None:
        with self._lock:
            self._until[address] = time.monotonic() + REST_S

    def is_slow(self, address: Address, seconds: float) -> bool:
        """Note what a send took, and trip if those of late took too long together."""
        with self._lock:
            now = time.monotonic()
            spent = [one for one in self._spent.get(address, ()) if one[0] > now - REST_S]
            self._spent[address] = spent = [*spent, (now, seconds)]
            slow = sum(took for _, took in spent) > BUDGET_S
            if slow:
                self._until[address] = now + REST_S
            return slow


BREAKER = _Breaker()


def emit(home: Home, event: dict[str, Any]) -> list[str]:
    """Write the event and send it on.

    Returns:
        What went wrong, in words without text of rows or secrets; the event was told all the same as far as could be.

    Raises:
        TypeError, ValueError: the event holds something that is no plain value; it was written nowhere.
    """
    line = encoded(event)
    warnings = []
    try:
        append_line(events_file(home), line)
    except OSError as error:
        warnings.append(f"an event could not be written to {events_file(home)}: {error.strerror}; the run goes on")
    try:
        why = _unsent(event, warnings)
    except Exception as error:  # noqa: BLE001  whatever it was, the event waits; foreign words may hold the address
        why = f"sending broke: {type(error).__name__}"
        warnings.append(f"an event was not sent ({why}). It waits in the outbox; run: careful flush")
    if why is not None:
        try:
            append_line(outbox_file(home), line)
        except OSError as error:
            warnings.append(
                f"an event was not sent ({why}) and could not be kept in {outbox_file(home)}: {error.strerror}; "
                "the collector will lack it"
            )
    return [f"lineage: {words}" for words in warnings]


def _unsent(event: dict[str, Any], warnings: list[str]) -> str | None:
    """Why the event must wait in the outbox; None if it was sent, or nobody wants it."""
    try:
        address = Address.of()
    except BadAddress as error:
        warnings.append(f"{error}. Events wait in the outbox; mend it, then run: careful flush")
        return str(error)
    if address is None:
        return None
    if BREAKER.is_open(address):
        return "the collector failed before, or was slow"
    begun = time.monotonic()
    try:
        Collector(address, SECONDS).send(event)
    except NotSent as error:
        rest = "Later events go to the outbox unsent" if not error.refused else "It waits in the outbox"
        warnings.append(f"an event was not sent: {error}. {rest}; once the collector is well, run: careful flush")
        if not error.refused:
            BREAKER.trip(address)
        return str(error)
    finally:
        if BREAKER.is_slow(address, time.monotonic() - begun):
            warnings.append(
                f"the collector is slow: sending took more than {BUDGET_S:g} s in all. Later events go to the outbox "
                "unsent; run: careful flush"
            )
    return None

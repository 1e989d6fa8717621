"""How a source's faults are reported: all at once, with their lines, in bounded memory however many rows are faulty."""

from __future__ import annotations

from collections.abc import Iterable

from careful_assets.errors import Fault, MalformedInput

MAX_REPORTED = 50


class FaultList:
    """Collects a source's faults; `stop` raises them together.

    Faults are of one kind if they have the same key and `kind`. The first fifty of a kind are kept, all are counted.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._kept: dict[tuple[str, str], list[Fault]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    @property
    def faults(self) -> list[Fault]:
        """The kept faults: those of the whole source first, then by line."""
        kept = [fault for faults in self._kept.values() for fault in faults]
        return sorted(kept, key=lambda fault: fault.line or 0)

    def add(self, place: int | None, key: str, message: str, kind: str = "") -> None:
        """Note one fault. What is wrong with the whole source (`place` is None) is noted once."""
        fault = Fault(self.source, place, key, message)
        kept = self._kept.setdefault((key, kind), [])
        if place is None and fault in kept:
            return
        if len(kept) < MAX_REPORTED:
            kept.append(fault)
        self._counts[key, kind] = self.count(key, kind) + 1

    def add_all(self, found: Iterable[tuple[int, str]], n: int, key: str, kind: str) -> None:
        """Note `n` faults of one kind, of which `found` gives the first fifty, or all, as (place, message)."""
        noted = 0
        for place, message in found:
            self.add(place, key, message, kind)
            noted += 1
        self._counts[key, kind] = self.count(key, kind) + n - noted

    def count(self, key: str, kind: str = "") -> int:
        """How many faults of one kind were noted."""
        return self._counts.get((key, kind), 0)

    def replace(self, key: str, kind: str, message: str) -> None:
        """Say in one fault of the whole source what all faults of a kind say."""
        del self._kept[key, kind], self._counts[key, kind]
        self.add(None, key, message)

    def stop(self) -> None:
        """End the reading if anything was wrong.

        Raises:
            MalformedInput: with at most fifty faults, of every kind some, and the count of the rest.
        """
        if not self._kept:
            return
        shown = self._fair_shares()
        rest = sum(self._counts.values()) - len(shown)
        if rest:
            shown.append(Fault(self.source, None, "", f"and {rest:,} more"))
        raise MalformedInput(f"anchor source {self.source}", shown)

    def _fair_shares(self) -> list[Fault]:
        """The faults to show; rare kinds first served, so that a common one doesn't hide them."""
        room, shown = MAX_REPORTED, []
        for left, kept in zip(range(len(self._kept), 0, -1), sorted(self._kept.values(), key=len), strict=True):
            taken = kept[: max(1, room // left)] if room else []
            shown += taken
            room -= len(taken)
        return sorted(shown, key=lambda fault: fault.line or 0)

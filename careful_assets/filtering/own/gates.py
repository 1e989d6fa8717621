"""From a card's `own_gates` to gates: which kind is which class. Python gates are imported here, not before."""

from __future__ import annotations

from careful_assets.card.own_gates import OwnGateFile
from careful_assets.card.reader import LoadedCard
from careful_assets.filtering.gate import Gate
from careful_assets.filtering.own.entry_point import PythonGate
from careful_assets.filtering.own.expectations import SuiteGate
from careful_assets.filtering.own.sql import SqlGate


def own_gates(loaded: LoadedCard) -> dict[str, Gate]:
    """The gates of the dataset's own, by name, in the card's order.

    Raises:
        StageFailed: a Python gate cannot be imported, or is none.
    """
    return {file.declared.name: _gate(file) for file in loaded.own_gates}


def _gate(file: OwnGateFile) -> Gate:
    if file.declared.sql is not None:
        return SqlGate(file)
    if file.declared.expectations is not None:
        return SuiteGate(file)
    return PythonGate(file.declared)

"""A gate that is Python code of the user's own project, named by `module:attribute`.

Belongs here: running it in a child process, and holding what it says to a gate's contract. It is trusted as any code of
the project is (it may read, write and call), but neither its hang nor its crash is the run's.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import signal
import subprocess
from itertools import chain
from typing import Any

import polars as pl

from careful_assets.card.own_gates import OwnGate
from careful_assets.errors import StageFailed
from careful_assets.filtering.gate import Beside, Decision, ThresholdRange
from careful_assets.filtering.own import child
from careful_assets.filtering.own.entry_point_child import FIELDS
from careful_assets.filtering.own.sql import as_arrow

MOST_REASONS = 50
LONGEST_EVIDENCE = 100
_WORD = re.compile("[a-z][a-z0-9_]{0,59}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_KEYS = {"unit", "low", "high", "decimals"}
_MOST_DECIMALS = 15
_TEXT = (str, type(None))
_TYPES: tuple[tuple[type, ...], ...] = ((bool,), _TEXT, (float, int, type(None)), _TEXT, _TEXT)  # those of FIELDS


class PythonGate:
    """An object, or a class without arguments, in the shape of `gate.Gate`; its name is the one that the card gives."""

    def __init__(self, declared: OwnGate) -> None:
        """Import it, in a child process, and ask for its version, reasons, abstentions and thresholds.

        Raises:
            StageFailed: it cannot be imported, or does not say of itself what a gate says.
        """
        self.name = declared.name
        self._declared = declared
        self._called = f"gate {self.name} ({declared.python})"
        said = self._asked(None)["gate"]
        words, limits = [said["reasons"], said["abstentions"]], said["threshold_range"]
        if type(said["version"]) is not int or not 0 < said["version"] < 2**31:
            raise self._failed("has a version that is no whole number from 1 to 2147483647")
        if not all(isinstance(some, list) for some in words):
            raise self._failed("has reasons or abstentions that are no tuple of words")
        if not all(isinstance(word, str) and _WORD.fullmatch(word) for word in chain(*words)):
            raise self._failed("has reasons or abstentions that are no snake_case words of at most 60 characters")
        if not words[0] or max(map(len, words)) > MOST_REASONS:
            raise self._failed(f"names no reason for refusing a row, or more than {MOST_REASONS}")
        if set(words[0]) & set(words[1]):
            raise self._failed("has a reason that is also an abstention")
        if limits is not None and not _is_range(limits):
            raise self._failed(
                "has a threshold_range without a unit in printable words, or without numbers low to high"
            )
        self.version: int = said["version"]
        self.reasons, self.abstentions = (tuple(one) for one in words)
        self.threshold_range = None if limits is None else ThresholdRange(**limits)

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """One decision a row, in the order of `rows`; see `gate.Gate`. In the child there is no embedder.

        Raises:
            StageFailed: the gate raised, did not end in time, or broke the contract.
        """
        said = self._asked(threshold, as_arrow(rows), as_arrow(beside.anchors))
        if len(said["decisions"]) != rows.height:
            raise self._failed(f"gave {len(said['decisions'])} decisions on {rows.height} rows")
        known = {*rows["row_id"], *beside.anchors["row_id"]}
        decisions = [self._decision(values, known) for values in said["decisions"]]
        if broken := sum(decision is None for decision in decisions):
            raise self._failed(
                f"broke a gate's contract on {broken} rows: a row passes without a reason or with an abstention, or is "
                "refused with one of the gate's reasons; a score is finite, a matched row is a candidate or an anchor, "
                f"evidence is Unicode text of at most {LONGEST_EVIDENCE} characters"
            )
        return [decision for decision in decisions if decision is not None]

    def _decision(self, values: list[Any], known: set[str]) -> Decision | None:
        if not all(isinstance(value, types) for value, types in zip(values, _TYPES, strict=True)):
            return None
        one = Decision(**dict(zip(FIELDS, values, strict=True)))
        holds = (
            one.reason in ((None, *self.abstentions) if one.passed else self.reasons)
            and (one.score is None or _is_finite(one.score))
            and (one.matched_row_id is None or one.matched_row_id in known)
            and len(one.evidence or "") <= LONGEST_EVIDENCE
            and not _SURROGATE.search(one.evidence or "")
        )
        return one if holds else None

    def _asked(self, threshold: float | None, *frames: bytes) -> dict[str, Any]:
        head = child.asked(
            child.ENTRY_POINT,
            entry_point=self._declared.python,
            threshold=threshold,
            timeout_s=self._declared.seconds,
        )
        try:
            (answer,) = child.unpack(_answer(child.pack(head, *frames), self._declared.seconds))
        except subprocess.TimeoutExpired:
            raise self._failed(f"did not end within {self._declared.seconds:g} s and was killed") from None
        except ValueError:
            raise self._failed("ended its process without an answer") from None
        said: dict[str, Any] = json.loads(answer)
        if "raised" in said:
            raise self._failed(f"raised {said['raised']}; its words are not told, they may quote a row")
        return said

    def _failed(self, what: str) -> StageFailed:
        return StageFailed(
            f"{self._called} {what}; nothing was recorded. Mend the gate, or drop it from the card's own_gates"
        )


def _is_finite(number: float) -> bool:
    """Of a number that a double can hold; a truth value is none."""
    try:
        return not isinstance(number, bool) and math.isfinite(number)
    except OverflowError:  # a whole number beyond every double
        return False


def _is_range(limits: dict[str, Any]) -> bool:
    """Whether these are the fields of a `ThresholdRange`; an end may be infinite."""
    if not limits.keys() <= _KEYS or not isinstance(limits.get("unit"), str) or not limits["unit"].isprintable():
        return False
    low, high = limits.get("low"), limits.get("high")
    if not all(isinstance(end, float) or (isinstance(end, int) and _is_finite(end)) for end in (low, high)):
        return False
    decimals = limits.get("decimals")
    fits = decimals is None or (type(decimals) is int and 0 <= decimals <= _MOST_DECIMALS)
    return fits and low is not None and high is not None and bool(low <= high)  # NaN is below nothing


def _answer(given: bytes, timeout_s: float) -> bytes:
    """What the child answers; it and its process group are killed at the end, but not what left the group."""
    process = subprocess.Popen(
        child.command(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.communicate(given, timeout=timeout_s)[0]
    finally:
        # As long as it is not reaped, or others of its group live, the number is its own.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

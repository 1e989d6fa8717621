"""Rows of unknown origin that came in files, loaded beside generation's own: candidates whose prompt nobody knows.

Belongs here: what marks them, and their rows of `generation.requests` and `generation.candidates`. Does not belong
here: sorting a file and writing the intake (`operations.inherit`). They are of round 0: nobody asked for them, so that
they count for no quota, no budget and no round's outcome; gates, judges and leak detectors see them like any candidate.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from careful_assets.generation.candidates import REQUESTS, Loaded, load_candidates, requests_frame
from careful_assets.llm.journal_state import JournalState, read_state
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import GeneratorIdentity, Request
from careful_assets.provenance.descent import UNKNOWN_FAMILY

INHERITED_ROUND = 0
UNKNOWN = GeneratorIdentity("unknown", UNKNOWN_FAMILY, "unknown")
"""Who wrote them. Their requests have an empty prompt, the prompt id `unknown`, no parents and the file's digest."""
_NOBODYS = ("tokens", "cost", "prompt_tokens", "completion_tokens", "latency_s")


@dataclass(frozen=True)
class Inherited:
    """The intake of a dataset: requests without a prompt, and the rows as their answers."""

    requests: list[Request]
    state: JournalState

    def requests_table(self, prices: Prices) -> pl.DataFrame:
        """Their rows of `generation.requests`: answered, by no call, with no tokens and no cost."""
        nothing = [pl.lit(None, REQUESTS[name]).alias(name) for name in _NOBODYS]
        called = [pl.lit(0, pl.Int32).alias("attempts"), pl.lit(False).alias("resent")]
        return requests_frame(self.requests, self.state, prices).with_columns(*nothing, *called)

    def load(self, artifact_type: str, key: bytes | None) -> Loaded:
        """Their candidates; `key` as for `load_candidates`."""
        return load_candidates(self.requests, self.state, artifact_type, key)


def inherited_rows(path: Path, erased: Collection[str]) -> Inherited:
    """What the intake at `path` holds, nothing without a file; `erased`: ids of requests that must not come back.

    Raises:
        MalformedInput: the file is corrupt.
        HomeUnusable: it cannot be read.
    """
    state = read_state(path)
    held = [one for key, one in state.requests.items() if key in state.answers and key not in erased]
    return Inherited([*held, *(record.request for record in state.erased.values())], state)

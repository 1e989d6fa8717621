"""A gate that is an SQL query: the rows that it returns are refused, for the reason that it gives; all others pass.

Belongs here: what the query sees, and what its answer means. The query itself runs in a confined child process over
copies in memory (`sql_child`).
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from io import BytesIO

import polars as pl

from careful_assets.card.own_gates import OwnGateFile
from careful_assets.errors import StageFailed
from careful_assets.filtering.gate import Beside, Decision
from careful_assets.filtering.own import child
from careful_assets.filtering.own.versions import version_of
from careful_assets.warehouse.scorer_child import run_confined

CANDIDATES = ("row_id", "text", "requested_label", "round", "finish_reason")
ANCHORS = ("row_id", "text", "label")
MOST_REASONS = 50
_REASON = re.compile(r"'([a-z][a-z0-9_]{0,59})'")
_BYTES_AT_ALL = 1 << 16
_BYTES_A_ROW = 512  # an id of 64 characters, a reason of at most 60, a score, and Arrow's offsets


class SqlGate:
    """The gate of one file. A reason must stand in the query, as a snake_case word in quotes: so none quotes a row."""

    abstentions = ()
    threshold_range = None

    def __init__(self, file: OwnGateFile) -> None:
        """The file as it was read with the card."""
        self.name = file.declared.name
        self.version = version_of(file)
        self._called = f"gate {self.name} ({file.declared.sql})"
        self._query = file.content.decode()
        self._timeout_s = file.declared.seconds

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Every snake_case word in quotes of the query; at most 50 of them are used."""
        return tuple(sorted(set(_REASON.findall(self._query))))

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """One decision a row, in the order of `rows`; see `gate.Gate`.

        Raises:
            StageFailed: the query did not end in time, ended with an error, or returned something else than it may.
        """
        refused = self._refused(rows.select(CANDIDATES), beside.anchors.select(ANCHORS))
        self._hold(refused, rows["row_id"])
        found = {row_id: Decision(False, reason, score) for row_id, reason, score in refused.iter_rows()}
        return [found.get(row_id, Decision(True)) for row_id in rows["row_id"]]

    def _refused(self, candidates: pl.DataFrame, anchors: pl.DataFrame) -> pl.DataFrame:
        room = _BYTES_AT_ALL + _BYTES_A_ROW * candidates.height
        head = child.asked(child.SQL, query=self._query, room=room)
        given = child.pack(head, *map(as_arrow, (candidates, anchors)))
        ran = run_confined(child.command(), given, room + _BYTES_AT_ALL, self._timeout_s)
        if ran.trouble is not None:
            raise self._failed(ran.trouble, "make the query cheaper, or raise its timeout_s in the card")
        told, answer = child.unpack(ran.output)
        if wrong := json.loads(told)["wrong"]:
            raise self._failed(wrong, "mend the query")
        return pl.read_ipc_stream(BytesIO(answer)).select("row_id", "reason", "score")

    def _hold(self, refused: pl.DataFrame, row_ids: pl.Series) -> None:
        """Counts alone are told: a value of the answer may be a row's text."""
        strangers = refused.filter(~pl.col("row_id").is_in(row_ids.implode()) | pl.col("row_id").is_null()).height
        scores = refused["score"].drop_nulls()
        words = set(refused["reason"].to_list())
        unknown = sum(reason not in self.reasons for reason in words)
        wrong = [
            (refused.height > len(row_ids), f"returned more rows than the {len(row_ids)} candidates"),
            (strangers, f"returned {strangers} rows whose row_id is none of the candidates' that reached it"),
            (refused["row_id"].n_unique() < refused.height, "returned a row_id twice"),
            (unknown, f"gave {unknown} reasons that do not stand in the query as a snake_case word in quotes"),
            (len(words) > MOST_REASONS, f"gave {len(words)} reasons; at most {MOST_REASONS} can be told apart"),
            (not scores.is_finite().all(), "gave a score that is no finite number"),
        ]
        if told := [what for broken, what in wrong if broken]:
            raise self._failed("; ".join(told), "return each refused candidate once, with one of the query's own words")

    def _failed(self, what: str, remedy: str) -> StageFailed:
        return StageFailed(f"{self._called} {what}; nothing was recorded. To go on, {remedy}, or drop it from the card")


def as_arrow(frame: pl.DataFrame) -> bytes:
    """The frame as an Arrow stream."""
    stream = BytesIO()
    frame.write_ipc_stream(stream)
    return stream.getvalue()

"""Unknown rows on their way to generation: requests that nobody sent, in the journal's form, in the dataset's intake.

Belongs here: making them, writing the file. Does not belong here: loading it (`generation.inherited`), the form of its
lines (`llm.journal`). The file is written whole beside itself and renamed: a kill leaves the old one or the new one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import polars as pl

from careful_assets.generation.candidates import load_candidates
from careful_assets.generation.inherited import INHERITED_ROUND, UNKNOWN
from careful_assets.llm.journal_lock import locked
from careful_assets.llm.journal_state import JournalState, read_state, whole_lines
from careful_assets.llm.requests import Answer, Choice, Request
from careful_assets.operations.inheriting.matching import row_hash
from careful_assets.warehouse.engines import second
from careful_assets.warehouse.home import explained, sync
from careful_assets.warehouse.models import fill
from careful_assets.warehouse.tables import append, batches

ROWS_A_REQUEST = 100
# Requests that are made before any of them is turned into candidates.
_AT_ONCE = 200
_TAKEN = {"row_hash": pl.Int64, "row_id": pl.String}


@dataclass(frozen=True)
class Intake:
    """A dataset's file of unknown rows.

    `masks`: whether its cell refuses personal data, so that what is stored of a row is its masked text.
    """

    path: Path
    artifact_type: str
    masks: bool

    def take_in(self, con: duckdb.DuckDBPyConnection, file_digest: str) -> int:
        """Write the staging file's unknown rows that were not taken in before; how many they are.

        Raises:
            StageFailed: another process writes to the file.
            HomeUnusable: it cannot be written; it stands as it stood.
            MalformedInput: it is corrupt.
        """
        with explained(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with explained(self.path), locked(self.path):
            state = read_state(self.path)
            append(con, "inherit_taken", self._taken(state.requests.values(), state))
            fill(con, "inherit/unknown_rows", "inherit_unknown")
            if not con.table("inherit_unknown").limit(1).fetchall():
                return 0
            made = 0
            with self._renewed() as out, second(con) as reading:
                # Erased requests stay erased.
                pairs = (pair for pair in _requests(reading, file_digest) if pair[0].request_id not in state.erased)
                while some := list(islice(pairs, _AT_ONCE)):
                    answers = {request.request_id: answer for request, answer in some}
                    taken = self._taken([request for request, _ in some], JournalState(answers=answers))
                    append(con, "inherit_taken", taken)
                    made += taken.height
                    out.write(b"".join(_line(event) for pair in some for event in _events(*pair)))
            return made

    def _taken(self, requests: Collection[Request], state: JournalState) -> pl.DataFrame:
        """By the hash of label and text the candidate that generation makes of a row; of equal rows the first by id."""
        # The key is for digests alone, which are not kept here.
        key = b"" if self.masks else None
        made = load_candidates(list(requests), state, self.artifact_type, key).candidates
        placed = made.select("row_id", "request_id", "ordinal").iter_rows()
        row_ids = {(request_id, place): row_id for row_id, request_id, place in placed}
        rows = [
            (row_hash(request.stratum, choice.text), row_ids[request.request_id, choice.index])
            for request in requests
            if (answer := state.answers.get(request.request_id))
            for choice in answer.choices
        ]
        frame = pl.DataFrame(rows, schema=_TAKEN, orient="row")
        return frame.sort("row_id").unique("row_hash", keep="first", maintain_order=True)

    @contextmanager
    def _renewed(self) -> Iterator[BinaryIO]:
        """A new file with the whole lines of the old one, for more; in its place once the block has ended well."""
        making = self.path.with_name(f".making-{self.path.name}")
        try:
            with explained(self.path):
                with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                    out.writelines(line for _, line in whole_lines(self.path))
                    yield out
                    out.flush()
                    os.fsync(out.fileno())
                making.replace(self.path)
                sync(self.path.parent)
        finally:
            making.unlink(missing_ok=True)


def _requests(con: duckdb.DuckDBPyConnection, file_digest: str) -> Iterator[tuple[Request, Answer]]:
    """The unknown rows as requests of one label each, and the answers that they are."""
    rows = (row for batch in batches(con.sql("from inherit_unknown order by label, line")) for row in batch.iter_rows())
    for label, same in groupby(rows, key=itemgetter(1)):
        while some := list(islice(same, ROWS_A_REQUEST)):
            request = Request.make(
                round=INHERITED_ROUND, stratum=label, prompt_id=UNKNOWN.family, prompt_sha256="", rendered_prompt="",
                generator=UNKNOWN, mode="completion", seed=0, completions=len(some), parent_ids=[],
                params={"file_digest": file_digest, "lines": [line for line, _, _ in some]},
            )  # fmt: skip
            choices = tuple(Choice(text, None, place) for place, (_, _, text) in enumerate(some))
            yield request, Answer(request.request_id, choices, None, 0.0)


def _events(request: Request, answer: Answer) -> Iterator[dict[str, Any]]:
    yield {"event": "asked", "request": request.as_json()}
    yield {"event": "answered", **vars(answer), "choices": [vars(choice) for choice in answer.choices]}


def _line(event: dict[str, Any]) -> bytes:
    at = {"event": event["event"], "at": datetime.now(UTC).isoformat()}
    return json.dumps(at | event, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"

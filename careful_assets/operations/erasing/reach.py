"""What an erasure reaches: requests that showed the row, their candidates, copies of it, and releases that hold any.

Planned once, over everything that a dataset keeps, and recorded by ids. Belongs here: following the row. Does not
belong here: which row (`row`), taking anything away (`sweep`, `warehouse`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.card.reader import LoadedCard
from careful_assets.generation.candidates import clean, load_candidates
from careful_assets.generation.ngram import FAMILY as FITTED
from careful_assets.llm.journal_state import JournalState, read_state
from careful_assets.operations.erasing.releases import ReleaseFolder, folders_of
from careful_assets.operations.erasing.row import RealRow, look_up_sealed
from careful_assets.text.copies import find_copies
from careful_assets.text.normalize import hash64, normalize
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.quarantine import Quarantine
from careful_assets.warehouse.tables import read

# Gates whose refusal beside a row says that its words are there again.
_FIND_COPIES = ("exact_duplicate", "near_duplicate", "seed_echo", "novelty")
_POOL = {"key": pl.String, "text": pl.String}
# Any key will do where only ids are wanted: it decides nothing but digests of what was withheld.
_ANY_KEY = b"\0"


@dataclass(frozen=True)
class Reach:
    """The ids that an erasure reaches. `same_text`: other people's rows, which are not erased; `sealed_alike`: how many
    sealed rows have the text of a sealed one.
    """

    row_id: str
    sealed: bool
    requests: frozenset[str]
    candidates: frozenset[str]
    releases: tuple[str, ...]
    shown: int
    copies: int
    same_text: tuple[str, ...]
    sealed_alike: int = 0

    @property
    def rows(self) -> frozenset[str]:
        """The row and all candidates."""
        return self.candidates | {self.row_id}


@dataclass
class _Kept:
    """Everything that might show or copy the row: requests with their parents, texts by candidate or by request.

    `fitted`: the requests to a model that was fitted to the exemplars.
    """

    parents: dict[str, set[str]] = field(default_factory=dict)
    fitted: set[str] = field(default_factory=set)
    request_of: dict[str, str] = field(default_factory=dict)
    texts: list[pl.DataFrame] = field(default_factory=list)
    states: list[JournalState] = field(default_factory=list)
    folders: list[ReleaseFolder] = field(default_factory=list)

    def note(self, requests: pl.DataFrame) -> None:
        """Take in the columns request_id, parent_ids and generator_family of a table."""
        for request_id, parents in requests.select("request_id", "parent_ids").iter_rows():
            self.parents.setdefault(request_id, set()).update(parents or [])
        self.fitted |= set(requests.filter(pl.col("generator_family") == FITTED)["request_id"].to_list())

    def made_by(self, requests: set[str], artifact_type: str) -> set[str]:
        """The candidates of these requests, by every record there is, masked and as they came."""
        made = {row_id for row_id, request_id in self.request_of.items() if request_id in requests}
        for state in self.states:
            asked = [state.requests[one] for one in requests if one in state.requests]
            for key in (None, _ANY_KEY):
                made |= set(load_candidates(asked, state, artifact_type, key).candidates["row_id"].to_list())
        return made


def reach_of(con: duckdb.DuckDBPyConnection, loaded: LoadedCard, home: Home, row: RealRow) -> Reach:
    """Follow the row through warehouse, journal, intake, quarantine and release folders; nothing is changed.

    Raises:
        MalformedInput: a journal is corrupt.
        StageFailed: a folder among the releases is no release's, and cannot be looked into.
    """
    kept = _gathered(con, loaded, home)
    found, same_text, alike = _copies(con, loaded, home, row, kept)
    copied = {kept.request_of.get(key, key) for key in found}
    shown = {request for request, parents in kept.parents.items() if row.row_id in parents}
    requests = shown | {key for key in copied if key in kept.parents}
    if row.exemplar:  # a model that was fitted to the exemplars learned from it, whatever its prompts showed
        requests |= kept.fitted
    candidates = {key for key in found | copied if key not in kept.parents}
    while True:
        candidates |= kept.made_by(requests, loaded.card.purpose.artifact_type)
        further = {one for one, parents in kept.parents.items() if parents & candidates} - requests
        if not further:
            break
        requests |= further
    rows = candidates | {row.row_id}
    holding = {folder.version for folder in kept.folders if folder.recorded and folder.holds(rows, requests)}
    listed = read(con, "release.rows").filter(pl.col("row_id").is_in(list(rows)))
    active = read(con, "release.releases").filter(pl.col("status") == "active")["version"].to_list()
    return Reach(
        row.row_id,
        row.sealed,
        frozenset(requests),
        frozenset(candidates),
        tuple(sorted((holding | set(listed["version"].to_list())) & set(active))),
        len(shown),
        len(found),
        tuple(sorted(same_text)),
        alike,
    )


def _gathered(con: duckdb.DuckDBPyConnection, loaded: LoadedCard, home: Home) -> _Kept:
    name, kept = loaded.card.name, _Kept()
    candidates = read(con, "generation.candidates")
    kept.note(read(con, "generation.requests"))
    kept.request_of |= dict(candidates.select("row_id", "request_id").iter_rows())
    kept.texts += [candidates.select(key="row_id", text="text")]
    kept.texts += [Quarantine(home.quarantine(name)).texts().select(key="row_id", text="text")]
    for path in journals(home, name):
        state = read_state(path)
        kept.states.append(state)
        kept.parents |= {one: set(request.parent_ids) for one, request in state.requests.items()}
        kept.fitted |= {one for one, request in state.requests.items() if request.generator_family == FITTED}
        kept.texts += [pl.DataFrame(list(_answers(state)), schema=_POOL, orient="row")]
    kept.folders = folders_of(con, home.releases(name))
    for folder in kept.folders:
        kept.note(folder.requests)
        kept.request_of |= dict(folder.requests.select("row_id", "request_id").iter_rows())
        kept.texts += [folder.texts.select(key="row_id", text="text")]
    return kept


def _answers(state: JournalState) -> Iterator[tuple[str, str]]:
    """Every recorded completion by its request; what was sent in place of a prompt is the request's, too."""
    for request_id, answer in state.answers.items():
        for choice in answer.choices:
            yield request_id, clean(choice.text)
    yield from state.repairs.items()


def _copies(
    con: duckdb.DuckDBPyConnection, loaded: LoadedCard, home: Home, row: RealRow, kept: _Kept
) -> tuple[set[str], set[str], int]:
    """Keys of what copies the row, as found on record or by text now; rows of others with its text; sealed ones."""
    decisions = read(con, "filtering.decisions").filter(pl.col("matched_row_id") == row.row_id)
    on_record = set(decisions.filter(pl.col("gate").is_in(_FIND_COPIES))["row_id"].to_list())
    pool = pl.concat(kept.texts).drop_nulls()
    if row.sealed:
        told = look_up_sealed(loaded, home, row.row_id, pool.select(row_id="key", text="text"))
        if told is None:
            return on_record, set(), 0
        leaks = read(con, "evaluation.leaks").filter(pl.col("eval_row_digest") == told.eval_row_digest)
        return on_record | set(leaks["row_id"].to_list()) | set(told.copies), set(), told.same_text
    return on_record | find_copies(row.text, row.hashes, pool.iter_rows()), _same_text(con, row), 0


def _same_text(con: duckdb.DuckDBPyConnection, row: RealRow) -> set[str]:
    others = read(con, "anchors.rows").filter(pl.col("row_id") != row.row_id).select("row_id", "text")
    hashes: Mapping[str, int] = {row_id: hash64(normalize(text)) for row_id, text in others.iter_rows() if text}
    alike = {row_id for row_id, found in hashes.items() if found in row.hashes - {hash64("")}}
    past = read(con, "anchors.history").filter(pl.col("row_id") != row.row_id)
    return alike | set(past.filter(pl.col("text_hash").is_in(list(row.hashes - {hash64("")})))["row_id"].to_list())


def late_requests(home: Home, name: str, rows: Collection[str], known: Collection[str]) -> frozenset[str]:
    """Requests on record that show one of these rows and are not `known`: a run sent them that began before."""
    asked = {one: request for path in journals(home, name) for one, request in read_state(path).requests.items()}
    return frozenset(one for one, request in asked.items() if not set(request.parent_ids).isdisjoint(rows)) - set(known)


def journals(home: Home, name: str) -> tuple[Path, Path]:
    """The files that hold requests and answers."""
    return home.journal(name), home.intake(name)

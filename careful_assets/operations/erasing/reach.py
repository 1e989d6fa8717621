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
from careful_assets.llm.journal_state import JournalState, read_state
from careful_assets.operations.erasing.releases import ReleaseFolder, folders_of
from careful_assets.operations.erasing.row import RealRow, look_up_sealed
from careful_assets.provenance.descent import FITTED_FAMILY
from careful_assets.provenance.erasures import choice_item, choice_of
from careful_assets.text.copies import find_copies, find_undecided
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
    """What an erasure reaches, by ids. `requests` go whole, `choices` (request id, index) alone. `releases` are active
    ones; `retired_before`: of those that are not any more, which held any when they were made. `same_text`: other
    people's rows, which are not erased; `sealed_alike`: how many sealed rows have the text of a sealed one;
    `undecided`: rows that hold its few words; `hashes`: of normal forms that must not come back in a file.
    """

    row_id: str
    sealed: bool
    requests: frozenset[str]
    choices: frozenset[tuple[str, int]]
    candidates: frozenset[str]
    releases: tuple[str, ...]
    retired_before: tuple[str, ...]
    shown: int
    copies: int
    same_text: tuple[str, ...]
    sealed_alike: int
    undecided: tuple[str, ...]
    hashes: frozenset[int] = field(repr=False)

    @property
    def rows(self) -> frozenset[str]:
        """The row and all candidates."""
        return self.candidates | {self.row_id}


@dataclass
class _Kept:
    """Everything that might show or copy the row: requests with their parents, texts by candidate, choice or request.

    `fitted`: the requests to a model that was fitted to the exemplars. `places`: candidates by their request and index.
    """

    parents: dict[str, set[str]] = field(default_factory=dict)
    fitted: set[str] = field(default_factory=set)
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    texts: list[pl.DataFrame] = field(default_factory=list)
    states: list[JournalState] = field(default_factory=list)
    folders: list[ReleaseFolder] = field(default_factory=list)

    def note(self, requests: pl.DataFrame) -> None:
        """Take in the columns request_id, parent_ids and generator_family of a table."""
        for request_id, parents in requests.select("request_id", "parent_ids").iter_rows():
            self.parents.setdefault(request_id, set()).update(parents or [])
        self.fitted |= set(requests.filter(pl.col("generator_family") == FITTED_FAMILY)["request_id"].to_list())

    def place(self, rows: pl.DataFrame) -> None:
        """Take in the columns row_id, request_id and ordinal of a table."""
        placed = rows.select("row_id", "request_id", "ordinal").drop_nulls().iter_rows()
        self.places |= {row_id: (request_id, index) for row_id, request_id, index in placed}

    def load(self, requests: Collection[str], artifact_type: str) -> None:
        """Place what the journals make of these requests, masked and as it came."""
        for state in self.states:
            asked = [state.requests[one] for one in requests if one in state.requests]
            for key in (None, _ANY_KEY):
                self.place(load_candidates(asked, state, artifact_type, key).candidates)

    def made_by(self, requests: Collection[str]) -> set[str]:
        """The candidates of these requests, by every record there is, once they were loaded."""
        return {row_id for row_id, (request_id, _) in self.places.items() if request_id in requests}

    def with_choices(self, row_ids: Collection[str], choices: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
        """The choices, and those that became one of the rows."""
        return {*choices, *(self.places[row_id] for row_id in row_ids if row_id in self.places)}

    def used_up(self, choices: Collection[tuple[str, int]]) -> set[str]:
        """Requests of which nothing is left without these choices."""
        touched = {request_id for request_id, _ in choices}
        left = {request_id for request_id, index in self.places.values() if (request_id, index) not in choices}
        return touched - left


def reach_of(con: duckdb.DuckDBPyConnection, loaded: LoadedCard, home: Home, row: RealRow) -> Reach:
    """Follow the row through warehouse, journal, intake, quarantine and release folders; nothing is changed.

    Requests that showed it, or whose model learned it, go whole; of others the completions that copy it.

    Raises:
        MalformedInput: a journal is corrupt.
        StageFailed: a folder among the releases is no release's, and cannot be looked into.
    """
    kept, artifact_type = _gathered(con, loaded, home), loaded.card.purpose.artifact_type
    found = _copies(con, loaded, home, row, kept)
    shown = {request for request, parents in kept.parents.items() if row.row_id in parents}
    requests = shown | {key for key in found.keys if key in kept.parents}
    if row.exemplar:  # a model that was fitted to the exemplars learned from it, whatever its prompts showed
        requests |= kept.fitted
    copied = {choice_of(key) for key in found.keys if _is_choice(key)}
    kept.load(
        {*(one for one, _ in copied), *(kept.places[key][0] for key in found.keys & set(kept.places))}, artifact_type
    )
    candidates = {key for key in found.keys if key not in kept.parents and not _is_choice(key)}
    copied = kept.with_choices(candidates, copied)
    candidates |= {row_id for row_id, place in kept.places.items() if place in copied}
    requests |= kept.used_up(copied) & set(kept.parents)
    while True:
        kept.load(requests, artifact_type)
        candidates |= kept.made_by(requests)
        further = {one for one, parents in kept.parents.items() if parents & candidates} - requests
        if not further:
            break
        requests |= further
    rows = candidates | {row.row_id}
    holding = {folder.version for folder in kept.folders if folder.recorded and folder.holds(rows, requests)}
    holding |= set(read(con, "release.rows").filter(pl.col("row_id").is_in(list(rows)))["version"].to_list())
    active = set(read(con, "release.releases").filter(pl.col("status") == "active")["version"].to_list())
    return Reach(
        row.row_id,
        row.sealed,
        frozenset(requests),
        frozenset(choice for choice in copied if choice[0] not in requests),
        frozenset(candidates),
        tuple(sorted(holding & active)),
        tuple(sorted(holding - active)),
        len(shown),
        len(found.keys),
        tuple(sorted(found.same_text)),
        found.sealed_alike,
        tuple(sorted(_as_rows(found.undecided, kept, artifact_type) - candidates)),
        found.hashes,
    )


def _is_choice(key: str) -> bool:
    return ":" in key


def _as_rows(keys: Collection[str], kept: _Kept, artifact_type: str) -> set[str]:
    """The candidates that these keys of texts stand for."""
    choices = {choice_of(key) for key in keys if _is_choice(key)}
    kept.load({request_id for request_id, _ in choices}, artifact_type)
    made = {row_id for row_id, place in kept.places.items() if place in choices}
    return made | {key for key in keys if not _is_choice(key) and key not in kept.parents}


def _gathered(con: duckdb.DuckDBPyConnection, loaded: LoadedCard, home: Home) -> _Kept:
    name, kept = loaded.card.name, _Kept()
    candidates = read(con, "generation.candidates")
    kept.note(read(con, "generation.requests"))
    kept.place(candidates)
    earlier = read(con, "training.records")
    kept.note(earlier)
    kept.place(earlier)
    released = read(con, "release.rows").filter(pl.col("origin") == "generated")
    kept.texts += [frame.select(key="row_id", text="text") for frame in (candidates, released)]
    kept.texts += [Quarantine(home.quarantine(name)).texts().select(key="row_id", text="text")]
    for path in journals(home, name):
        state = read_state(path)
        kept.states.append(state)
        kept.parents |= {one: set(request.parent_ids) for one, request in state.requests.items()}
        kept.fitted |= {one for one, request in state.requests.items() if request.generator_family == FITTED_FAMILY}
        kept.texts += [pl.DataFrame(list(_answers(state)), schema=_POOL, orient="row")]
    kept.folders = folders_of(con, home.releases(name))
    for folder in kept.folders:
        kept.note(folder.requests)
        kept.place(folder.requests)
        kept.texts += [folder.texts.select(key="row_id", text="text")]
    return kept


def _answers(state: JournalState) -> Iterator[tuple[str, str]]:
    """Every recorded completion by its choice; what was sent in place of a prompt is the request's."""
    for request_id, answer in state.answers.items():
        for choice in answer.choices:
            yield choice_item(request_id, choice.index), clean(choice.text)
    yield from state.repairs.items()


@dataclass(frozen=True)
class _Found:
    """What copies the row, by keys of texts; the rest as in `Reach`."""

    keys: frozenset[str]
    same_text: frozenset[str]
    sealed_alike: int
    undecided: frozenset[str]
    hashes: frozenset[int]


def _copies(con: duckdb.DuckDBPyConnection, loaded: LoadedCard, home: Home, row: RealRow, kept: _Kept) -> _Found:
    """What copies the row, as found on record or by text now."""
    decisions = read(con, "filtering.decisions").filter(pl.col("matched_row_id") == row.row_id)
    on_record = frozenset(decisions.filter(pl.col("gate").is_in(_FIND_COPIES))["row_id"].to_list())
    pool = pl.concat(kept.texts).drop_nulls()
    if not row.sealed:
        keys = on_record | find_copies(row.text, row.hashes, pool.iter_rows())
        undecided = find_undecided(row.text, row.hashes, pool.iter_rows()) - keys
        same = frozenset(_same_text(con, row))
        return _Found(keys, same, 0, undecided, _hashes(row.hashes, pool, keys))
    told = look_up_sealed(loaded, home, row.row_id, pool.select(row_id="key", text="text"))
    if told is None:
        return _Found(on_record, frozenset(), 0, frozenset(), _hashes((), pool, on_record))
    leaks = read(con, "evaluation.leaks").filter(pl.col("eval_row_digest") == told.eval_row_digest)
    keys = on_record | set(leaks["row_id"].to_list()) | told.copies
    hashes = _hashes(told.hashes, pool, keys)
    return _Found(keys, frozenset(), told.same_text, told.undecided - keys, hashes)


def _hashes(own: Collection[int], pool: pl.DataFrame, keys: Collection[str]) -> frozenset[int]:
    """The hashes of the row's normal forms and of those of the texts under these keys."""
    copies = pool.filter(pl.col("key").is_in(list(keys)))["text"].to_list()
    return frozenset({*own, *(hash64(normalize(text)) for text in copies)} - {hash64("")})


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

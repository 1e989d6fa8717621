"""An exclusion that a run is asked for: which rows people take out of the versions to come, and why.

Belongs here: what can be named, the full id of what was named, and the row that records it. Does not belong here: which
candidates that takes out (`excluding`), and the releases and models that hold them already (`operations.exclude`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from careful_assets.errors import CarefulError, Exit, Refused
from careful_assets.filtering.overrides import reason_line

KINDS = ("generator", "prompt", "request", "seed", "anchor")
_SHORTEST_PREFIX = 8
_RANGE = re.compile(r"([0-9]{1,10})\.\.([0-9]{1,10})")
_NAMED = 5


class MalformedRange(CarefulError):
    """What was given is no range of seeds."""

    exit_code = Exit.USAGE


@dataclass(frozen=True)
class Exclusion:
    """All rows of one item, out of the versions to come; with `withdrawn` the same taken back.

    `item`: a generator's or prompt's id or digest, a request's id, a range of seeds (`seed_range`), or the id of a row
    that rows descend from.
    """

    kind: str
    item: str
    reason: str
    withdrawn: bool = False

    def changes(self, standing: pl.DataFrame) -> bool:
        """Whether recording it makes a difference. `standing`: the model `filtering/standing_exclusions`."""
        stands = not standing.filter(kind=self.kind, item=self.item).is_empty()
        return stands if self.withdrawn else not stands

    def alone(self, schema: pl.Schema, seq: int = 0) -> pl.DataFrame:
        """It and nothing else, as if it stood; `schema`: of what stands."""
        return pl.DataFrame([(seq, self.kind, self.item, self.reason)], schema=schema, orient="row")

    def laid_over(self, standing: pl.DataFrame, seq: int) -> pl.DataFrame:
        """What stands once it is recorded under this number."""
        others = standing.filter(~((pl.col("kind") == self.kind) & (pl.col("item") == self.item)))
        return others if self.withdrawn else pl.concat([others, self.alone(standing.schema, seq)])

    def in_force(self) -> str:
        """What is said where it changes nothing."""
        state = "is not excluded" if self.withdrawn else "is excluded already"
        return f"{self.kind} {self.item} {state}; nothing was recorded, the reason neither"

    def to_record(self, run_id: str) -> dict[str, pl.DataFrame]:
        """What is added to `filtering.exclusions`, without its number."""
        row = {**vars(self), "recorded_at": datetime.now(UTC), "run_id": run_id}
        return {"filtering.exclusions": pl.DataFrame([row])}


def exclusion_of(
    exclude: str | None, withdraw: str | None, item: str | None, reason: str | None
) -> Exclusion | None:  # fmt: skip
    """The exclusion that a run's config asks for, its item as it was given; None where it asks for none.

    Args:
        exclude: the kind of what is to be taken out.
        withdraw: or of what is to be taken back.
        item: which of that kind.
        reason: why.

    Raises:
        Refused: something is missing or too much, the kind is unknown, or the reason is no printable line.
        MalformedRange: seeds are not given as FROM..TO.
    """
    if exclude is None and withdraw is None and item is None:
        return None
    kind = exclude or withdraw
    if not kind or (exclude and withdraw) or not item or not item.strip() or reason is None or not reason.strip():
        raise Refused("an exclusion needs three: exclude or withdraw (one of them, a kind), item and reason")
    if kind not in KINDS:
        raise Refused(f"rows are excluded by {', '.join(KINDS)}, not by {kind!r}")
    if kind == "seed":
        seed_range(item)
    return Exclusion(kind, item.strip(), reason_line(reason, "an exclusion"), withdrawn=exclude is None)


def seed_range(item: str) -> tuple[int, int]:
    """The first and the last seed of FROM..TO, both included.

    Raises:
        MalformedRange: it is no such range.
    """
    match = _RANGE.fullmatch(item.strip())
    if match is None or int(match[1]) > int(match[2]):
        raise MalformedRange(f"{item!r} is no range of seeds; give the first and the last one as FROM..TO, e.g. 11..58")
    return int(match[1]), int(match[2])


@dataclass(frozen=True)
class Known:
    """What a dataset's rows can be named by, ids and digests in full; and what was excluded ever.

    Args:
        requests: `generation.requests`.
        seeds: those of the candidates.
        anchors: ids of the real rows.
        recorded: `filtering.exclusions`.
    """

    requests: pl.DataFrame
    seeds: pl.Series
    anchors: Collection[str]
    recorded: pl.DataFrame

    @property
    def next_number(self) -> int:
        """The `seq` that the next record gets."""
        return int(self.recorded["seq"].max() or 0) + 1  # type: ignore[arg-type]

    def resolved(self, asked: Exclusion) -> Exclusion:
        """The exclusion with its item in full.

        Raises:
            Refused: nothing bears that name, or several things do.
        """
        recorded = set(self.recorded.filter(kind=asked.kind)["item"].to_list())
        if asked.kind == "seed":
            first, last = seed_range(asked.item)
            item = f"{first}..{last}"
            if item not in recorded and self.seeds.is_between(first, last).sum() == 0:
                raise Refused(f"no row has a seed of {item}; known are {self._told(asked.kind)}")
        else:
            item = self._full(asked.kind, asked.item, self._names(asked.kind) | recorded)
        return Exclusion(asked.kind, item, asked.reason, asked.withdrawn)

    def _full(self, kind: str, given: str, known: Collection[str]) -> str:
        if given in known:
            return given
        fitting = sorted(name for name in known if len(given) >= _SHORTEST_PREFIX and name.startswith(given))
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            shown = ", ".join(name[:16] for name in fitting[:_NAMED])
            raise Refused(f"{given!r} fits {len(fitting)} of kind {kind}; give more digits: {shown}")
        raise Refused(
            f"no row has the {kind} {given!r}; known are {self._told(kind)}. Give an id, or at least "
            f"{_SHORTEST_PREFIX} digits of one or of a digest"
        )

    def _names(self, kind: str) -> set[str]:
        if kind == "anchor":
            return set(self.anchors) | set(self.requests["parent_ids"].explode().drop_nulls())
        columns = {
            "generator": ["generator_id", "generator_digest"],
            "prompt": ["prompt_id", "prompt_sha256"],
            "request": ["request_id"],
        }
        return {name for column in columns[kind] for name in self.requests[column]}

    def _told(self, kind: str) -> str:
        """What is known of a kind, for a message: all of it if that is little."""
        if kind == "seed":
            return f"those from {self.seeds.min()!s} to {self.seeds.max()!s}" if len(self.seeds) else "none"
        if kind in ("generator", "prompt"):
            digest = "generator_digest" if kind == "generator" else "prompt_sha256"
            pairs = self.requests.select(f"{kind}_id", digest).unique().sort(f"{kind}_id", digest).rows()
            return ", ".join(f"{name} ({made[:12]})" for name, made in pairs) or "none"
        names = sorted(self._names(kind))
        more = ", ..." if len(names) > _NAMED else ""
        return f"{len(names)}: {', '.join(name[:16] for name in names[:_NAMED])}{more}"

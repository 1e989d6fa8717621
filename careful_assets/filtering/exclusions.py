"""An exclusion that a run is asked for: which rows people take out of the versions to come, and why.

Belongs here: what can be named, the full id of what was named, and the row that records it. Does not belong here: which
candidates that takes out (`excluding`), and the releases and models that hold them already (`operations.exclude`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
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
    that rows descend from. `items`: what is recorded for it: a prompt stands there by its digests, since its id may
    have named several texts; all else as it is.
    """

    kind: str
    item: str
    reason: str
    withdrawn: bool = False
    items: tuple[str, ...] = ()

    def changing(self, standing: pl.DataFrame) -> list[str]:
        """The items of which recording makes a difference. `standing`: the model `filtering/standing_exclusions`."""
        stands = set(standing.filter(kind=self.kind)["item"].to_list())
        return [item for item in self.items if (item in stands) == self.withdrawn]

    def alone(self, schema: pl.Schema) -> pl.DataFrame:
        """It and nothing else, as if it stood; `schema`: of what stands."""
        return self._rows(self.items, schema, 0)

    def laid_over(self, standing: pl.DataFrame, seq: int) -> pl.DataFrame:
        """What stands once it is recorded, from this number on."""
        changing = self.changing(standing)
        if self.withdrawn:
            return standing.filter(~((pl.col("kind") == self.kind) & pl.col("item").is_in(changing)))
        return pl.concat([standing, self._rows(changing, standing.schema, seq)])

    def in_force(self) -> str:
        """What is said where it changes nothing."""
        state = "is not excluded" if self.withdrawn else "is excluded already"
        return f"{self.kind} {self.item} {state}; nothing was recorded, the reason neither"

    def to_record(self, standing: pl.DataFrame, run_id: str) -> dict[str, pl.DataFrame]:
        """What is added to `filtering.exclusions`, without its numbers: a row for each item that changes."""
        row = {"kind": self.kind, "reason": self.reason, "withdrawn": self.withdrawn, "run_id": run_id}
        now = datetime.now(UTC)
        added = [row | {"item": item, "recorded_at": now} for item in self.changing(standing)]
        return {"filtering.exclusions": pl.DataFrame(added)}

    def _rows(self, items: Sequence[str], schema: pl.Schema, first: int) -> pl.DataFrame:
        rows = [(first + place, self.kind, item, self.reason) for place, item in enumerate(items)]
        return pl.DataFrame(rows, schema=schema, orient="row")


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
        generated: the candidates' ids with the seed of each, null where nobody drew it.
        real: ids of the anchors.
        recorded: `filtering.exclusions`.
        erased: ids of rows and requests that were erased.
    """

    requests: pl.DataFrame
    generated: pl.DataFrame
    real: Collection[str]
    recorded: pl.DataFrame
    erased: Collection[str] = ()

    @property
    def next_number(self) -> int:
        """The `seq` that the next record gets."""
        return int(self.recorded["seq"].max() or 0) + 1  # type: ignore[arg-type]

    def resolved(self, asked: Exclusion) -> Exclusion:
        """The exclusion with its item in full, and with what is recorded for it.

        Raises:
            Refused: nothing bears that name, several things do, it was erased, or no row was made from it.
        """
        recorded = set(self.recorded.filter(kind=asked.kind)["item"].to_list())
        if asked.kind == "seed":
            first, last = seed_range(asked.item)
            item = f"{first}..{last}"
            if item not in recorded and self._seeds.is_between(first, last).sum() == 0:
                raise Refused(f"no row has a seed of {item}; known are {self._told(asked.kind)}")
        else:
            if not asked.withdrawn:
                self._refuse_erased(asked.kind, asked.item)
            item = self._full(asked.kind, asked.item, self._names(asked.kind) | recorded)
        if asked.kind == "anchor" and item not in recorded:
            self._refuse_childless(item)
        return replace(asked, item=item, items=self._items(asked, item, recorded))

    def _items(self, asked: Exclusion, item: str, recorded: Collection[str]) -> tuple[str, ...]:
        if asked.kind != "prompt":
            return (item,)
        of_it = self.requests.filter(pl.col("prompt_id") == item, pl.col("prompt_sha256") != "")
        digests = of_it["prompt_sha256"].unique().sort().to_list()
        # An exclusion that was recorded by a prompt's id is taken back as it stands there.
        by_id = [item] if asked.withdrawn and item in recorded else []
        return (*digests, *by_id) or (item,)

    def _refuse_erased(self, kind: str, given: str) -> None:
        gone = [one for one in self.erased if len(given) >= _SHORTEST_PREFIX and one.startswith(given)]
        if gone and kind in ("anchor", "request"):
            raise Refused(f"the {kind} {gone[0][:16]} was erased, with all rows made from it: none is left to exclude")

    def _refuse_childless(self, item: str) -> None:
        """A generated row may be a parent; one that is none would take nothing out, not even itself."""
        own = self.generated.filter(row_id=item)
        if own.is_empty() or item in self._parents:
            return
        seed = own["seed"][0]
        itself = f"exclude the seed {seed}..{seed}" if seed is not None else "exclude its request"
        raise Refused(f"no row was made from the generated row {item[:16]}; to take out the row itself, {itself}")

    @property
    def _seeds(self) -> pl.Series:
        return self.generated["seed"].drop_nulls()

    @property
    def _parents(self) -> set[str]:
        return set(self.requests["parent_ids"].explode().drop_nulls())

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
            return {*self.real, *self._parents, *self.generated["row_id"]}
        columns = {
            "generator": ["generator_id", "generator_digest"],
            "prompt": ["prompt_id", "prompt_sha256"],
            "request": ["request_id"],
        }
        return {name for column in columns[kind] for name in self.requests[column]}

    def _told(self, kind: str) -> str:
        """What is known of a kind, for a message: all of it if that is little."""
        if kind == "seed":
            return f"those from {self._seeds.min()!s} to {self._seeds.max()!s}" if len(self._seeds) else "none"
        if kind in ("generator", "prompt"):
            digest = "generator_digest" if kind == "generator" else "prompt_sha256"
            pairs = self.requests.select(f"{kind}_id", digest).unique().sort(f"{kind}_id", digest).rows()
            return ", ".join(f"{name} ({made[:12]})" for name, made in pairs) or "none"
        names = sorted(self._names(kind))
        more = ", ..." if len(names) > _NAMED else ""
        return f"{len(names)}: {', '.join(name[:16] for name in names[:_NAMED])}{more}"

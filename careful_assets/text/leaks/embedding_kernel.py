"""The compiled loops behind `embedding`: from a block of rough cosines to exact scores.

Belongs here: functions that numba compiles, over flat arrays alone; see `text.minhash_kernel` for their manner. Does
not belong here: where vectors come from, and what a score decides.

Rough cosines come from a matrix product in single precision, whose sums hang on the shape of the blocks. They only
propose: what lies within `slack` of mattering is computed again in double precision, number after number in one order,
and rounded to millionths. So no answer hangs on a block or a machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float32]
    Bits = npt.NDArray[np.uint64]

NEIGHBOURS = 4
"""Whose mean cosine is a row's density. Few: 2 and 4 told paraphrases from other rows better than 10 and 30."""
KEPT = 2 * NEIGHBOURS + 1
"""So many are kept of each row: the other of the two does not count, and as many as NEIGHBOURS may not (`same`)."""
UNITS = 1_000_000


@njit(nogil=True, cache=True)
def _units(one: Floats, other: Floats) -> int:
    """The cosine of two unit vectors in millionths, at least 0."""
    total = 0.0
    for place in range(len(one)):
        total += np.float64(one[place]) * np.float64(other[place])
    return int(np.rint(total * UNITS)) if total > 0 else 0


@njit(nogil=True, cache=True, fastmath=True)
def _rough(one: Floats, other: Floats) -> np.float32:
    total = np.float32(0)
    for place in range(len(one)):
        total += one[place] * other[place]
    return total


@njit(nogil=True, cache=True)
def _nearest(
    rough: Floats, vector: Floats, pool: Floats, own: int, slack: np.float32, places: Ints, units: Ints
) -> None:
    """Write the KEPT rows of the pool that are nearest to a vector, nearest first, and of equals the first.

    `own`: the place that is left out, or -1. Where the pool has fewer, places are -1 and units 0.
    """
    least = np.full(len(places), np.float32(-2), dtype=np.float32)
    for place in range(len(rough)):
        if rough[place] > least[-1] and place != own:
            at = len(least) - 1
            while at > 0 and least[at - 1] < rough[place]:
                least[at] = least[at - 1]
                at -= 1
            least[at] = rough[place]
    places[:], units[:] = -1, 0
    for place in range(len(rough)):
        if rough[place] >= least[-1] - slack and place != own:
            exact = _units(vector, pool[place])
            at = len(places)
            while at > 0 and (places[at - 1] < 0 or units[at - 1] < exact):
                at -= 1
            if at < len(places):
                for after in range(len(places) - 1, at, -1):
                    places[after], units[after] = places[after - 1], units[after - 1]
                places[at], units[at] = place, exact


@njit(nogil=True, cache=True)
def write_neighbours(
    rough: Floats, rows: Floats, pool: Floats, own: Ints, slack: np.float32, places: Ints, units: Ints
) -> None:
    """By row its nearest in the pool, itself (`own`: its place there) left out.

    rough: n × pool, the rows' rough cosines; places, units: n × KEPT, written here.
    """
    for row in range(len(rows)):
        _nearest(rough[row], rows[row], pool, own[row], slack, places[row], units[row])


@njit(nogil=True, cache=True)
def _density(places: Ints, units: Ints, but: int, same: Ints) -> int:
    """The sum over the NEIGHBOURS nearest, without the place `but` and those in `same`."""
    total, counted = 0, 0
    for at in range(len(places)):
        if counted == NEIGHBOURS:
            break
        if places[at] != but and places[at] >= 0 and not (same == places[at]).any():
            total += units[at]
            counted += 1
    return total


@njit(nogil=True, cache=True)
def write_best(
    rough: Floats, rows: Floats, pool: Floats, least: Floats, sealed: Ints, around: Ints, around_units: Ints,
    threshold: int, slack: np.float32, best: Ints, shared: Ints,
) -> None:  # fmt: skip
    """By row the sealed row with the highest score that reaches the threshold, -1 without any, and `shared` of it.

    rough: n × pool, the rows' rough cosines. least: by place of the pool the lowest cosine that can reach the
    threshold, whatever the asked row; over 1 where it is no sealed row. sealed: by place of the pool the number of the
    sealed row. around, around_units: by place its neighbours (see `write_neighbours`).
    """
    places, units = np.empty(KEPT, dtype=np.int64), np.empty(KEPT, dtype=np.int64)
    needed = threshold * 2 * NEIGHBOURS * (UNITS // 1000)
    for row in range(len(rows)):
        best[row], shared[row] = -1, 0
        can = 0
        for place in range(len(least)):
            can += rough[row, place] >= least[place]
        if not can:
            continue
        _nearest(rough[row], rows[row], pool, -1, slack, places, units)
        # The row itself, if the pool has it, is no neighbour of anything that it is compared with.
        same = np.where(units[:NEIGHBOURS] >= UNITS, places[:NEIGHBOURS], -2)
        own = _density(places, units, places[np.argmax(units < UNITS)], same)  # the least that its density can be
        for place in range(len(least)):
            # To reach the threshold, or what was found before; without the one or other whole dot product.
            beyond = own + (shared[row] - needed if best[row] >= 0 else 0)
            if rough[row, place] < least[place] or rough[row, place] - least[place] < beyond / (2 * NEIGHBOURS * UNITS):
                continue
            cosine = _units(rows[row], pool[place])
            mine = (
                2 * NEIGHBOURS * cosine
                - _density(places, units, place, same)
                - _density(around[place], around_units[place], -1, same)
            )
            better = mine > shared[row] or (mine == shared[row] and sealed[place] < best[row])
            if cosine > 0 and mine >= needed and (best[row] < 0 or better):
                best[row], shared[row] = sealed[place], mine


@njit(nogil=True, cache=True)
def write_room(
    rows: Floats, starts: Ints, stops: Ints, hashes: Bits, rare: Bits, held: Ints, places: Ints, pool: Floats,
    least: Floats, room: Floats,
) -> None:  # fmt: skip
    """By row how far some sealed row that shares a rare word with it lies over its `least` (see `write_best`).

    starts, stops: by row its words among `hashes`. rare: the rare words, ascending. held, places: the places of the
    pool that hold each, `held[i]` to `held[i + 1]`. room: -4 where no sealed row shares one.
    """
    seen = np.full(len(pool), -1, dtype=np.int64)
    for row in range(len(rows)):
        room[row] = -4
        for at in range(starts[row], stops[row]):
            word = np.searchsorted(rare, hashes[at])
            if word == len(rare) or rare[word] != hashes[at]:
                continue
            for one in range(held[word], held[word + 1]):
                place = places[one]
                if seen[place] != row:
                    seen[place] = row
                    room[row] = max(room[row], _rough(rows[row], pool[place]) - least[place])


@njit(nogil=True, cache=True)
def write_least_densities(rough: Floats, slack: np.float32, least: Floats) -> None:
    """By row the sum of its NEIGHBOURS highest rough cosines; those that may be with itself are left out."""
    best = np.empty(NEIGHBOURS, dtype=np.float32)
    for row in range(len(rough)):
        best[:] = 0
        for place in range(rough.shape[1]):
            cosine = rough[row, place]
            if best[-1] < cosine < 1 - slack:
                at = NEIGHBOURS - 1
                while at > 0 and best[at - 1] < cosine:
                    best[at] = best[at - 1]
                    at -= 1
                best[at] = cosine
        least[row] = best.sum()

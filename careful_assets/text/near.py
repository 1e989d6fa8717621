"""Near copies among many texts, exactly: every pair whose shingle sets have a Jaccard similarity of t or more.

Belongs here: finding the pairs, and the components they join. Does not belong here: cutting texts into
shingles (`shingles`), and what follows from a near copy.

`t` comes in thousandths and every decision is one between integers: J >= t if and only if
shared * 1000 >= thousandths * (|x| + |y| - shared). Nothing is sampled and no pair is missed; the one
reservation is that two different shingles may share a 64-bit hash (`ShingleSets.of`).

Candidates come from prefix filtering (Chaudhuri, Ganti & Kaushik 2006, ICDE; Bayardo, Ma & Srikant 2007, WWW): with
the shingles of every set in one global order, rarest first, x and y with J >= t share one of the first
|x| - ceil(t|x|) + 1 of x and of y. The first one they share leaves room for the rest only if it stands early enough
in both (Xiao et al. 2008, PPJoin, WWW). What remains is held against bit digests of the sets, of which |x Δ y|
is never below the Hamming distance (Sandes, Teodoro & Melo 2020, Information Systems 88), and only then counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from careful_assets.text.near_filters import (
    AT_ONCE,
    Pairs,
    PrefixLists,
    digests_of,
    first_of_equal,
    members,
    ranks_of,
    reaches,
)
from careful_assets.text.shingles import ShingleSets, parts, runs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]

# Trying rows of frequent shingles beforehand may cost this part of trying all their pairs.
_LINKING_PART = 32


def near_components(sets: ShingleSets, thousandths: int = 700) -> Ints:
    """For each text the smallest index in its connected component of near copies; its own where it has none.

    Thousands of rows of one template have millions of near pairs, of which a component needs few. Equal sets are
    collapsed first. Then rows that share a shingle of their prefixes are tried against one other each, in rounds,
    as long as that costs a fraction of trying all pairs that are not joined yet; rows of one template are soon one
    component. What remains is tried without exception, but only across components. Rows that share much and yet
    stay apart remain costly: their time grows with the number of pairs that share a shingle of their prefixes.

    Memory beyond `sets`: about 50 bytes a shingle. More than 2^31 texts or shingles do not fit.

    Raises:
        ValueError: `thousandths` does not lie between 1 and 1000.
    """
    import numpy as np  # loading the definitions must not wait for it

    _check(thousandths)
    root = np.arange(len(sets))
    _unite(root, *_equal_sets(sets))
    ranked = ShingleSets(sets.offsets, ranks_of(sets))
    kept = np.flatnonzero((root == np.arange(len(sets))) & (sets.sizes > 0))
    lists = PrefixLists.of(ranked, kept, thousandths)
    pairs = Pairs(ranked, digests_of(sets), thousandths)
    _link(root, lists, pairs)
    _join(root, lists, pairs)
    return root


def near_pairs(
    sets: ShingleSets, asked: Sequence[int] | Ints, among: Sequence[int] | Ints, thousandths: int = 700
) -> tuple[Ints, Ints]:
    """All pairs (i of `asked`, j of `among`, i != j) that are near copies, ascending by i, then j.

    Counts what each of `asked` shares with every one of `among`, by way of the shingles they have in common: quick
    for few `asked`, whatever the texts. A pair whose texts both stand on both sides comes both ways.

    Raises:
        ValueError: `thousandths` does not lie between 1 and 1000.
        IndexError: an index is none of a text.
    """
    import numpy as np

    _check(thousandths)
    asked, among = (np.unique(np.asarray(indices, dtype=np.int64)) for indices in (asked, among))
    for indices in (asked, among):
        if len(indices) and not 0 <= indices[0] <= indices[-1] < len(sets):
            raise IndexError(f"indices {indices[0]} to {indices[-1]} do not lie within {len(sets)} texts")
    known = np.unique(sets.hashes[members(sets, asked)])
    if len(known) == 0:
        return known, known
    found: list[tuple[Ints, Ints]] = []
    for start, stop in parts(sets.sizes[among], AT_ONCE):
        texts = among[start:stop]
        hashes = sets.hashes[members(sets, texts)]
        shingles = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
        hit = known[shingles] == hashes
        owners, shingles = np.repeat(np.arange(len(texts)), sets.sizes[texts])[hit], shingles[hit]
        owners = owners[np.argsort(shingles)]
        counts = np.bincount(shingles, minlength=len(known))
        starts = np.cumsum(counts) - counts
        for i in asked:
            own = np.searchsorted(known, sets.hashes[sets.offsets[i] : sets.offsets[i + 1]])
            shared = np.bincount(owners[runs(starts[own], counts[own])], minlength=len(texts))
            near = texts[(shared > 0) & reaches(shared, sets.sizes[i] + sets.sizes[texts], thousandths)]
            near = near[near != i]
            found.append((np.full(len(near), i), near))
    left, right = (np.concatenate([known[:0], *(pair[side] for pair in found)]) for side in (0, 1))
    order = np.lexsort((right, left))
    return left[order], right[order]


def _link(root: Ints, lists: PrefixLists, pairs: Pairs) -> None:
    """Joins what few trials can join, so that `_join` finds long lists in one component."""
    import numpy as np

    counts = np.repeat(np.diff(lists.offsets), np.diff(lists.offsets))
    starts = np.repeat(lists.offsets[:-1], np.diff(lists.offsets))
    places = np.arange(len(counts)) - starts
    # Another distance in every list and round: lists often hold the same texts. Chance moves the time alone.
    rng = np.random.Generator(np.random.PCG64(0))
    spent = 0
    while True:
        other = starts + (places + rng.integers(1, counts)) % counts
        apart = np.flatnonzero(root[lists.text] != root[lists.text[other]])
        # The share of these pairs that is apart estimates the number of all that are.
        if spent * _LINKING_PART >= int((counts[apart] - 1).sum()) // 2:
            return
        i, j = lists.text[apart], lists.text[other[apart]]
        possible = np.flatnonzero(pairs.possible(i, j))
        i, once = np.unique(i[possible], return_index=True)
        j = j[possible][once]
        near = pairs.near(i, j)
        _unite(root, i[near], j[near])
        spent += len(counts) + int((pairs.ranked.sizes[i] + pairs.ranked.sizes[j]).sum())


def _join(root: Ints, lists: PrefixLists, pairs: Pairs) -> None:
    """Joins every near pair that is not in one component yet."""
    import numpy as np

    for start, stop in parts(np.diff(lists.offsets), AT_ONCE):
        begin, end = lists.offsets[start], lists.offsets[stop]
        counts = np.diff(lists.offsets[start : stop + 1])
        keys = np.repeat(np.arange(stop - start), counts) * len(root) + root[lists.text[begin:end]]
        order = np.argsort(keys)
        # With the texts of a component side by side, each is tried against those after its component in its list.
        last = np.append(first_of_equal(keys[order])[1:], True)
        component_ends = np.flatnonzero(last) + 1
        after = np.repeat(component_ends, np.diff(component_ends, prepend=0))
        trials = np.repeat(lists.offsets[start + 1 : stop + 1] - begin, counts) - after
        text, room, need = (values[begin:end][order] for values in (lists.text, lists.room, lists.need))
        for p, q in parts(trials, AT_ONCE):
            n, y = trials[p:q], runs(after[p:q], trials[p:q])
            fits = np.flatnonzero((np.repeat(room[p:q], n) >= need[y]) & (room[y] >= np.repeat(need[p:q], n)))
            _unite(root, *_newly_near(root, pairs, np.repeat(text[p:q], n)[fits], text[y[fits]]))


def _newly_near(root: Ints, pairs: Pairs, i: Ints, j: Ints) -> tuple[Ints, Ints]:
    """Those of the pairs that are near and not joined yet, once each."""
    import numpy as np

    open_ = np.flatnonzero(root[i] != root[j])
    i, j = i[open_], j[open_]
    possible = pairs.possible(i, j)
    i, j = i[possible], j[possible]
    i, j = np.divmod(np.unique(np.minimum(i, j) * len(root) + np.maximum(i, j)), len(root))
    near = pairs.near(i, j)
    return i[near], j[near]


def _unite(root: Ints, i: Ints, j: Ints) -> None:
    """Joins the components of each pair; `root` gives the smallest index of every text's component, as before."""
    import numpy as np

    while len(i):
        a, b = root[i], root[j]
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(root[root], root):
            root[:] = root[root]
        apart = root[i] != root[j]
        i, j = i[apart], j[apart]


def _equal_sets(sets: ShingleSets) -> tuple[Ints, Ints]:
    """Pairs (first text, other text) of equal sets that are not empty."""
    import numpy as np

    texts = np.flatnonzero(sets.sizes)
    if len(texts) == 0:
        return texts, texts
    # Equal sets have equal sums; whether equal sums come from equal sets is looked up.
    sums = np.add.reduceat(sets.hashes, sets.offsets[texts])
    order = np.lexsort((texts, sums, sets.sizes[texts]))
    texts = texts[order]
    first = first_of_equal(sums[order]) | first_of_equal(sets.sizes[texts])
    leaders = texts[np.maximum.accumulate(np.where(first, np.arange(len(texts)), 0))]
    i, j = leaders[~first], texts[~first]
    equal = [np.zeros(0, dtype=np.bool_)]
    for start, stop in parts(sets.sizes[i], AT_ONCE):
        same = sets.hashes[members(sets, i[start:stop])] == sets.hashes[members(sets, j[start:stop])]
        counts = sets.sizes[i[start:stop]]
        equal.append(np.logical_and.reduceat(same, np.cumsum(counts) - counts))
    kept = np.concatenate(equal)
    return i[kept], j[kept]


def _check(thousandths: int) -> None:
    if not 1 <= thousandths <= 1000:
        raise ValueError(f"a similarity to reach is given in 1 to 1000 thousandths, not {thousandths}")

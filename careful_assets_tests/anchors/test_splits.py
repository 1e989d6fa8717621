"""Dealing out real rows: whole groups, joined where they share a text, by a salted digest and nothing else."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.anchors.splits import edges_of, leaders_of, point_of
from careful_assets.card.anchors import Split

SIDES = ("exemplar", "train", "holdout", "vault")
SPLIT = Split(salt="s", exemplar=15, train=35, holdout=20, vault=30)

memberships = st.lists(st.tuples(st.integers(0, 12), st.integers(-(2**63), 2**63 - 1) | st.integers(0, 8)), max_size=40)


def leaders(pairs: list[tuple[int, int]]) -> dict[int, int]:
    frame = pl.DataFrame(pairs, schema={"number": pl.Int64, "cluster": pl.Int64}, orient="row")
    return dict(leaders_of(frame).iter_rows())


def side(group: str, split: Split = SPLIT) -> str:
    point = point_of(group, split.salt)
    return next((name for name, edge in edges_of(split).items() if point < edge), "vault")


@settings(deadline=None)
@given(memberships)
def test_groups_are_joined_exactly_where_clusters_chain_them(pairs: list[tuple[int, int]]) -> None:
    """Joined are the groups that a chain of shared clusters connects, and no others; the smallest number leads."""
    reach = {number: {number} for number, _ in pairs}
    for _ in reach:
        for number, cluster in pairs:
            for other, same in pairs:
                if cluster == same:
                    both = reach[number] | reach[other]
                    reach[number] = reach[other] = both
    closed = {number: min(set().union(*(reach[one] for one in joined))) for number, joined in reach.items()}
    assert leaders(pairs) == closed


@settings(deadline=None)
@given(memberships, st.randoms(use_true_random=False))
def test_the_order_of_rows_moves_nobody(pairs: list[tuple[int, int]], shuffle: random.Random) -> None:
    """The same memberships in another order, or twice, give the same leaders."""
    shuffled = pairs * 2
    shuffle.shuffle(shuffled)
    assert leaders(shuffled) == leaders(pairs)


def test_shares_come_near_the_cards() -> None:
    """Of ten thousand groups each side gets its share, to a percent and a half."""
    counts = Counter(side(f"g{n}") for n in range(10_000))
    for name in SIDES:
        assert abs(counts[name] / 100 - getattr(SPLIT, name)) < 1.5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_another_salt_deals_anew(one: int, other: int) -> None:
    """Under two salts about as many groups agree as chance lets agree."""
    first, second = (SPLIT.model_copy(update={"salt": salt}) for salt in (f"a{one}", f"b{other}"))
    agreeing = sum(side(f"g{n}", first) == side(f"g{n}", second) for n in range(1000)) / 1000
    chance = sum((getattr(SPLIT, name) / 100) ** 2 for name in SIDES)
    assert abs(agreeing - chance) < 0.08


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30))
def test_edges_divide_the_whole_line(exemplar: int, train: int, holdout: int) -> None:
    """The edges rise, lie inside the line, and each side's part of it is its share."""
    split = Split(salt="s", exemplar=exemplar, train=train, holdout=holdout, vault=100 - exemplar - train - holdout)
    edges = [0, *edges_of(split).values(), 2**63]
    parts = [(end - start) / 2**63 * 100 for start, end in itertools.pairwise(edges)]
    assert [round(part, 9) for part in parts] == [exemplar, train, holdout, split.vault]


def test_groups_with_ambiguous_names_stay_apart() -> None:
    """Salt and group are told apart where they meet: no shift of a letter between them gives the same digest."""
    assert point_of("bx", "a") != point_of("abx", "")
    assert point_of("x", "ab") != point_of("bx", "a")

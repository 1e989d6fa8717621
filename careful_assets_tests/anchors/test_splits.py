"""Dealing out real rows: whole groups, joined where they share a text, by a salted digest and nothing else."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.anchors.splits import joined_groups, split_of
from careful_assets.card.anchors import Split

SIDES = ("exemplar", "train", "holdout", "vault")
SPLIT = Split(salt="s", exemplar=15, train=35, holdout=20, vault=30)

groups = st.integers(0, 12).map("g{}".format)
texts = st.integers(0, 15).map("text {}".format)
rows = st.lists(st.tuples(groups, texts), max_size=40)
splits = st.tuples(*(st.integers(1, 30) for _ in range(3)), st.text(min_size=1, max_size=5)).map(
    lambda drawn: Split.model_construct(
        exemplar=drawn[0], train=drawn[1], holdout=drawn[2], vault=100 - sum(drawn[:3]), salt=drawn[3]
    )
)


def sides(given_rows: list[tuple[str, str]], split: Split = SPLIT) -> dict[str, str]:
    return {group: split_of(members, split) for group, members in joined_groups(given_rows).items()}


@settings(deadline=None)
@given(rows, splits)
def test_groups_and_texts_stand_on_one_side(given_rows: list[tuple[str, str]], split: Split) -> None:
    """Every group has one of the four sides, and all groups that share a text, through others too, have the same."""
    found = sides(given_rows, split)
    assert found.keys() == {group for group, _ in given_rows}
    assert set(found.values()) <= set(SIDES)
    side_of_text: dict[str, set[str]] = {}
    for group, text in given_rows:
        side_of_text.setdefault(text, set()).add(found[group])
    assert all(len(on) == 1 for on in side_of_text.values())


@settings(deadline=None)
@given(rows)
def test_groups_are_joined_exactly_where_texts_chain_them(given_rows: list[tuple[str, str]]) -> None:
    """Joined are the groups that a chain of shared texts connects, and no others."""
    found = joined_groups(given_rows)
    reach = {group: {group} for group, _ in given_rows}
    for _ in reach:
        for group, text in given_rows:
            for other, same in given_rows:
                if text == same:
                    both = reach[group] | reach[other]
                    reach[group] = reach[other] = both
    closed = {group: frozenset(set().union(*(reach[one] for one in members))) for group, members in reach.items()}
    assert found == closed


@settings(deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_moves_nobody(given_rows: list[tuple[str, str]], shuffle: random.Random) -> None:
    """Rows in another order fall on the same sides."""
    shuffled = given_rows.copy()
    shuffle.shuffle(shuffled)
    assert sides(shuffled) == sides(given_rows)


@settings(deadline=None)
@given(rows, st.lists(st.tuples(groups.map("new {}".format), texts.map("new {}".format)), max_size=20))
def test_unrelated_groups_move_nobody(given_rows: list[tuple[str, str]], added: list[tuple[str, str]]) -> None:
    """New groups that share no text with the old ones leave each of these on its side."""
    before, after = sides(given_rows), sides(given_rows + added)
    assert {group: after[group] for group in before} == before


def test_shares_come_near_the_cards() -> None:
    """Of ten thousand groups each side gets its share, to a percent and a half."""
    counts = Counter(sides([(f"g{n}", f"text {n}") for n in range(10_000)]).values())
    for side in SIDES:
        assert abs(counts[side] / 100 - getattr(SPLIT, side)) < 1.5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_another_salt_deals_anew(one: int, other: int) -> None:
    """Under two salts about as many groups agree as chance lets agree."""
    pairs = [(f"g{n}", f"text {n}") for n in range(1000)]
    first = sides(pairs, SPLIT.model_copy(update={"salt": f"a{one}"}))
    second = sides(pairs, SPLIT.model_copy(update={"salt": f"b{other}"}))
    agreeing = sum(first[group] == second[group] for group in first) / 1000
    chance = sum((getattr(SPLIT, side) / 100) ** 2 for side in SIDES)
    assert abs(agreeing - chance) < 0.08


def test_groups_with_ambiguous_names_stay_apart() -> None:
    """Salt and group are told apart where they meet: no shift of a letter between them gives the same digest."""
    one = {f"{n}x": f"t{n}" for n in range(400)}
    first = sides(list(one.items()), SPLIT.model_copy(update={"salt": "a"}))
    second = sides([(f"a{group}", text) for group, text in one.items()], SPLIT.model_copy(update={"salt": ""}))
    assert any(first[group] != second[f"a{group}"] for group in first)

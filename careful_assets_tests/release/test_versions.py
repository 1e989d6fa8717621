"""Version numbers: minor where rows were only added, major where any was removed or changed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.release.versions import FIRST, next_version, version_key

numbers = st.tuples(*(st.integers(0, 200) for _ in range(3)))
leaves = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(min_size=1, max_size=1), max_size=8)


def spelled(number: tuple[int, ...]) -> str:
    return ".".join(map(str, number))


@settings(deadline=None)
@given(numbers, leaves, leaves)
def test_added_rows_alone_raise_the_minor_number(before: tuple[int, int, int], old: dict, more: dict) -> None:
    """With all old rows as they were, the minor number goes up by one."""
    assert next_version(spelled(before), old, more | old) == f"{before[0]}.{before[1] + 1}.0"


@settings(deadline=None)
@given(numbers, leaves.filter(bool), leaves, st.data())
def test_a_row_removed_or_changed_raises_the_major_number(
    before: tuple[int, int, int], old: dict, more: dict, data: st.DataObject
) -> None:
    """One old row gone or altered, whatever else is added, and the major number goes up."""
    victim = data.draw(st.sampled_from(sorted(old)))
    new = more | old
    if data.draw(st.booleans()):
        del new[victim]
    else:
        new[victim] = old[victim] + b"x"
    assert next_version(spelled(before), old, new) == f"{before[0] + 1}.0.0"


@settings(deadline=None)
@given(numbers, leaves, leaves)
def test_a_version_follows_the_one_before(before: tuple[int, int, int], old: dict, new: dict) -> None:
    """The next version always sorts after the one before."""
    assert version_key(next_version(spelled(before), old, new)) > version_key(spelled(before))


@settings(deadline=None)
@given(st.lists(numbers, min_size=2))
def test_versions_sort_by_number(drawn: list[tuple[int, int, int]]) -> None:
    """Versions sort as numbers, so that 1.10.0 comes after 1.9.0."""
    assert sorted(map(spelled, drawn), key=version_key) == [spelled(number) for number in sorted(drawn)]


def test_the_first_version_is_one() -> None:
    """Versions start at 1.0.0."""
    assert FIRST == "1.0.0"

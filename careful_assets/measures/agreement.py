"""Agreement between two labelers beyond what chance would give.

Belongs here: coefficients over lists of labels. Does not belong here: who voted, and what agreement is
enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Cohen's kappa (Cohen 1960, Educational and Psychological Measurement 20:37-46) of two labelings.

    Args:
        first: one label an item.
        second: the other labeler's labels of the same items, in the same order.

    Returns:
        Between -1 and 1; 0 is the agreement of two labelers who draw independently from their own shares.
        None where kappa is undefined: there are no items, or both gave all items one and the same label, so
        that agreement by chance is already complete.

    Raises:
        ValueError: the lists differ in length.
    """
    if len(first) != len(second):
        raise ValueError(f"kappa needs two labels an item; the lists hold {len(first)} and {len(second)}")
    n = len(first)
    by_first, by_second = Counter(first), Counter(second)
    # Scaled by n², all is in integers: the undefined case is found exactly, and rounding happens once.
    by_chance = sum(count * by_second[label] for label, count in by_first.items())
    if by_chance == n * n:
        return None
    agreeing = sum(one == other for one, other in zip(first, second, strict=True))
    return (n * agreeing - by_chance) / (n * n - by_chance)

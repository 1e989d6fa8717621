"""The least change that a sealed evaluation set can show, told before anything is spent on generation.

Belongs here: the power of a paired comparison of two predictors on the same rows, given counts of rows and groups.
Does not belong here: reading those counts, and what change a card wishes to see.

A change is a difference in a class's recall. Of the class's rows a share is discordant: one predictor is right where
the other is wrong. The exact McNemar test (McNemar 1947, Psychometrika 12:153-157) holds the wins among the discordant
rows against a fair coin, two-sided. It takes rows for independent; rows of one group (a review, a customer) are not,
and a test that forgets it rejects a true null hypothesis far more often than its level says. So the rows are first
divided by the design effect: the figures hold for an analysis that allows for groups, such as the same test on wins and
losses divided by the design effect, in the manner of Eliasziw & Donner (1991, Statistics in Medicine 10:1981-1991).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DISCORDANT_SHARE = 0.3

# The correlation of two rows of one group in their scores: 1 for a win, 0 for a tie, -1 for a loss. What is hard for
# both predictors ties and drops out, so that it mostly lies below the correlation of being right. On the five classes
# of 3,708 sentences of 300 customer reviews, five pairs of linear and naive Bayes classifiers (by words or by letters,
# fitted on all or half of the other reviews) gave 25 estimates: mean 0.01, highest 0.08 (its 90% interval, over 107
# reviews: 0 to 0.19); their discordant shares lay between 0.12 and 0.33. A tenth is above all of the estimates: to
# underrate it would promise what the ruler cannot show.
INTRA_GROUP_CORRELATION = 0.1

_POWER, _LEVEL = 0.8, 0.05
_MOST_ROWS = 1_000_000  # no ruler is larger; the search for one ends here
_TAIL = 1e-10  # probability left out at each end of the distribution of discordant rows
_RESOLUTION = 1e-6  # of a visible change
_ROUNDING = 1e-9  # rows times the design effect, and back, must not lose a row to a last digit


@dataclass(frozen=True)
class Ruler:
    """What the sealed rows of one class can show.

    Attributes:
        rows: sealed rows of the class.
        groups: groups that they come from.
        design_effect: how many of these rows tell as much as one independent row; at least 1.
        effective_rows: rows / design effect, rounded down.
        discordant_share: the assumed share of rows on which just one of the two predictors is right.
        visible_change: the least change in recall that is seen with the asked power; None if not even a change as
            large as the discordant share, the largest there can be, is.
        wished_change: the change that should be visible.
        more_rows: real rows of the class to add, grouped as those there are (one a group, if there are none), for the
            wished change to be visible; 0 exactly if it is; None if a million independent rows would not do.
    """

    rows: int
    groups: int
    design_effect: float
    effective_rows: int
    discordant_share: float
    visible_change: float | None
    wished_change: float
    more_rows: int | None


def ruler(
    rows: int,
    groups: int,
    sum_of_squares: int,
    wished_change: float,
    discordant_share: float = DISCORDANT_SHARE,
    intra_group_correlation: float = INTRA_GROUP_CORRELATION,
) -> Ruler:
    """What `rows` sealed rows of one class can show at the two-sided level 0.05 with power 0.8, and what they lack.

    A wished change above the discordant share contradicts it (such a change takes at least as many discordant rows);
    the rows to add are then those that show a change as large as the share, which show the wished one all the more.

    Args:
        rows: rows of the class.
        groups: groups with at least one of them.
        sum_of_squares: the sum, over groups, of the squared number of the class's rows.
        wished_change: in recall, above 0 and at most 1.
        discordant_share: assumed, above 0 and at most 1.
        intra_group_correlation: between 0 and 1, of the scores (win 1, tie 0, loss -1) of two rows of one group; the
            default stands above all 25 estimates on real reviews (see `INTRA_GROUP_CORRELATION`).

    Raises:
        ValueError: counts that no grouping has, or a share out of its range.
    """
    if not (0 <= groups <= rows and rows * rows <= groups * sum_of_squares):
        raise ValueError(f"no grouping puts {rows} rows into {groups} groups with squared sizes of {sum_of_squares}")
    _check_share("a wished change", wished_change)
    effect = design_effect(rows, sum_of_squares, intra_group_correlation)
    effective = math.floor(rows / effect + _ROUNDING)
    visible = least_visible_change(effective, discordant_share)
    asked = min(wished_change, discordant_share)
    more: int | None = 0
    if visible is None or exact_power(effective, asked, discordant_share) < _POWER:
        needed = rows_needed(asked, discordant_share)
        more = None if needed is None else math.ceil(needed * effect - _ROUNDING) - rows
    elif visible > wished_change:  # by the millionth that it was rounded up
        visible = wished_change
    return Ruler(rows, groups, effect, effective, discordant_share, visible, wished_change, more)


def design_effect(rows: int, sum_of_squares: int, intra_group_correlation: float) -> float:
    """How much groups widen the variance of a mean over rows (Kish 1965, Survey Sampling, for unequal sizes).

    It is 1 + (s / n - 1) * r for n rows, s being the sum of squared group sizes and r the correlation within a group;
    s / n is the size of the group that a row finds itself in, on average. Without rows it is 1.

    Raises:
        ValueError: `sum_of_squares` is not one of `rows` rows, or the correlation does not lie between 0 and 1.
    """
    if not 0 <= rows <= sum_of_squares <= rows * rows:
        raise ValueError(f"{rows} rows in groups have no squared group sizes of {sum_of_squares} in sum")
    if not 0 <= intra_group_correlation <= 1:
        raise ValueError(f"a correlation within groups lies between 0 and 1, not at {intra_group_correlation}")
    return 1.0 if rows == 0 else 1 + (sum_of_squares / rows - 1) * intra_group_correlation


def exact_power(n: int, change: float, discordant_share: float, level: float = _LEVEL) -> float:
    """The probability that the exact two-sided McNemar test on `n` independent rows rejects, before any row is seen.

    The number of discordant rows is binomial; given it, so are the wins, each with probability (1 + change / discordant
    share) / 2 (Duffy 1984, Biometrics 40:1005-1015). Numbers of discordant rows with probability 2e-10 in sum are left
    out, so that the figure is too low by no more than that.

    Raises:
        ValueError: n below 0, a change not between 0 and the discordant share, or a share or level out of range.
    """
    _check_level(level)
    _check_share("a discordant share", discordant_share)
    if n < 0 or not 0 <= change <= discordant_share:
        raise ValueError(f"no power for {n} rows and a change of {change} with discordant share {discordant_share}")
    return float(_powers(range(n, n + 1), change, discordant_share, level)[0])


def least_visible_change(n: int, discordant_share: float, power: float = _POWER, level: float = _LEVEL) -> float | None:
    """The least change that `n` independent rows show with the given power, rounded up by at most a millionth.

    Returns:
        None where no change up to the discordant share, the largest that there can be, reaches the power.

    Raises:
        ValueError: n below 0, a share or level out of range, or a power not above the level and below 1.
    """
    _check_power(power, level)
    if exact_power(n, discordant_share, discordant_share, level) < power:
        return None
    unseen, seen = 0.0, discordant_share
    while seen - unseen > _RESOLUTION:
        middle = (unseen + seen) / 2
        if exact_power(n, middle, discordant_share, level) < power:
            unseen = middle
        else:
            seen = middle
    return seen


def rows_needed(change: float, discordant_share: float, power: float = _POWER, level: float = _LEVEL) -> int | None:
    """How many independent rows show a change with the given power, and go on to show it if there are more.

    An exact test's power can fall when a row is added (it climbs as a saw does), so that fewer rows may reach the power
    by luck of their number. This is the least n such that it and the next 2 * sqrt(n) + 20 all reach it; teeth are
    longest where all rows are discordant, and span 1.3 * sqrt(n) rows there.

    Returns:
        None where that takes more than a million rows.

    Raises:
        ValueError: a change not above 0 or above the discordant share, a share or level out of range, or a power not
            above the level and below 1.
    """
    _check_power(power, level)
    _check_share("a change", change)
    # One row rejects at no level, so that the doubling starts from a number that fails.
    failing, reaching = 1, 2
    while exact_power(reaching, change, discordant_share, level) < power:
        if reaching > _MOST_ROWS:
            return None
        failing, reaching = reaching, reaching * 2
    while reaching - failing > 1:
        middle = (failing + reaching) // 2
        if exact_power(middle, change, discordant_share, level) < power:
            failing = middle
        else:
            reaching = middle
    while (last := _last_failing(reaching, change, discordant_share, power, level)) is not None:
        reaching = last + 1
    return reaching if reaching <= _MOST_ROWS else None


def _last_failing(n: int, change: float, discordant_share: float, power: float, level: float) -> int | None:
    counts = range(n, n + 2 * math.isqrt(n) + 21)
    failing = (_powers(counts, change, discordant_share, level) < power).nonzero()[0]
    return counts[int(failing[-1])] if len(failing) else None


def _powers(counts: range, change: float, discordant_share: float, level: float) -> npt.NDArray[np.float64]:
    import numpy as np
    from scipy.stats import binom

    least = int(binom.ppf(_TAIL, counts[0], discordant_share))
    most = int(binom.isf(_TAIL, counts[-1], discordant_share))
    discordant = np.arange(least, most + 1)
    wins = binom.isf(level / 2, discordant, 0.5) + 1  # the least number of wins, or of losses, that rejects
    share = (1 + change / discordant_share) / 2
    rejected = binom.sf(wins - 1, discordant, share) + binom.cdf(discordant - wins, discordant, share)
    return np.array([binom.pmf(discordant, n, discordant_share) @ rejected for n in counts])


def _check_share(what: str, share: float) -> None:
    if not 0 < share <= 1:
        raise ValueError(f"{what} lies above 0 and not above 1, not at {share}")


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"a test's level lies between 0 and 1, not at {level}")


def _check_power(power: float, level: float) -> None:
    _check_level(level)
    if not level < power < 1:
        raise ValueError(f"a power lies between the level ({level}) and 1, not at {power}")

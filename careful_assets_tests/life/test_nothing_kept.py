"""A batch of which nothing is left is a normal outcome: filtering says so, and labeling stops with a reason."""

from __future__ import annotations

import re

import pytest

from careful_assets_tests.life.arrange import Life, failures_of


def outcome(life: Life) -> tuple[dict[str, str], list[str], str]:
    """Filtering's page, its failed checks, and what labeling says when it is asked next."""
    result = life.materialize("filtering")
    assert result.success, failures_of(result)
    (made,) = result.asset_materializations_for_node(f"{life.dataset}__filtering")
    failed = [check.check_name for check in result.get_asset_check_evaluations() if not check.passed]
    (said,) = failures_of(life.materialize("labeling"))
    return {title: str(value.value) for title, value in made.metadata.items()}, failed, said


@pytest.mark.parametrize(
    ("damage", "words", "candidates"),
    [
        (
            "update generation.candidates set finish_reason = 'length'",
            r"all 48 candidates were refused, \d+ of them as truncation/cut_off; labeling stops",
            "48",
        ),
        (
            "delete from generation.candidates",
            "generation gave no candidates; labeling has nothing to label and stops",
            "0",
        ),
    ],
    ids=["every row is refused", "an empty batch"],
)
def test_nothing_is_left(copied_small_life: Life, damage: str, words: str, candidates: str) -> None:
    """Filtering succeeds, its page says so, only advice fails, and labeling names the reason and what to do."""
    copied_small_life.sql(damage)
    page, failed, said = outcome(copied_small_life)
    assert re.fullmatch(words, page["nothing is left"])
    assert page["kept"] == "0"
    assert page["candidates"] == candidates
    assert "something_kept" in failed
    assert {"every_gate_ran", "rows_conserved", "gates_keep_their_recall"}.isdisjoint(failed)
    assert "nothing to label: filtering kept no candidate" in said
    assert "materialize generation again" in said
    assert "defect" not in said


def test_where_rows_are_left_the_page_says_nothing_of_it(copied_small_life: Life) -> None:
    """The page of an ordinary run has the benchmark, the sample and the balance, and no alarm."""
    result = copied_small_life.materialize("filtering")
    (made,) = result.asset_materializations_for_node(f"{copied_small_life.dataset}__filtering")
    page = {title: value.value for title, value in made.metadata.items()}
    assert "nothing is left" not in page
    assert "near_duplicate|100.0%|9" in str(page["planted rows refused"])
    assert "rows of" in str(page["rejects for people to read"])
    assert "length: under 8 tokens|" in str(page["balance"])

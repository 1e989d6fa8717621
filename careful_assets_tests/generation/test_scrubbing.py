"""No personal data of an exemplar reaches a prompt."""

from __future__ import annotations

import re

import polars as pl
import pytest

from careful_assets.generation.plan import plan_round
from careful_assets.generation.scrubbing import personal_data_in_prompts, scrub
from careful_assets.llm.requests import GeneratorIdentity
from careful_assets.text.personal_data.planted import is_found, planted
from careful_assets_tests.generation.examples import PROMPTS, card, exemplars

WHO = GeneratorIdentity("m", "f", "d")
SIX = ("email", "phone", "card", "iban", "national_id", "account_number")
# Three of each kind, written in different ways; fixed here, so that no change of the benchmark changes them.
RECORDS = {
    "email": ["ann.miller@example.org", "jo (at) example dot com", "bob @ example . net"],
    "phone": ["212-555-0123", "+44 (0)20 7946 0321", "０１６１　４９６　０３４５"],
    "card": ["4945807302157365", "3456 907029 31371", "5132-3640-5622-4157"],
    "iban": ["GB29 NWBK 6016 1331 9268 19", "DE89370400440532013000", "nl20 ingb 0001 2345 67"],
    "national_id": ["339-43-8827", "RSSMRA85T10A562S", "34 356 839 206"],
    "account_number": ["account number 31926819", "sort code 60-16-13", "acct. no. 0011-2233-44"],
}


def test_eighteen_planted_records_reach_no_prompt():
    """Three records of each of six kinds stand in exemplars that are all shown: no prompt holds one, and parents are
    still the rows themselves.
    """
    planted_rows = [
        (f"{kind}{at}", f"the thing broke and {record} was no help\n at all .", "angry", f"g{kind}{at}")
        for kind in SIX
        for at, record in enumerate(RECORDS[kind])
    ]
    frame = pl.DataFrame(planted_rows, schema=["row_id", "text", "label", "group_id"], orient="row")
    plan = plan_round(card(n=1, shown=18), PROMPTS, frame, WHO, 1, {"angry": 6}, 0)
    assert {row_id for asked in plan for row_id in asked.parent_ids} == set(frame["row_id"])
    for asked in plan:
        prompt = asked.rendered_prompt
        assert prompt.count("was no help at all .") == 18
        for kind in SIX:
            assert prompt.count(f"[{kind}]") == 3, kind
        held = re.sub(r"\W", "", prompt)
        for records in RECORDS.values():
            for record in records:
                secret = record.removeprefix("account number ").removeprefix("sort code ").removeprefix("acct. no. ")
                assert secret not in prompt
                assert re.sub(r"\W", "", secret) not in held
    assert personal_data_in_prompts(requests(plan)).is_empty()


def test_masking_changes_only_prompts_with_findings():
    """An exemplar without personal data is shown as it stands, and its requests keep their ids."""
    clean, dirty = exemplars(3, 1), exemplars(3, 1)
    dirty = dirty.with_columns(
        pl.when(pl.col("row_id") == "sad0.0").then(pl.lit("mail a@example.org")).otherwise("text").alias("text")
    )
    quotas = {"angry": 16, "sad": 16}
    before, after = (plan_round(card(), PROMPTS, frame, WHO, 1, quotas, 0) for frame in (clean, dirty))
    for one, other in zip(before, after, strict=True):
        assert one.parent_ids == other.parent_ids
        assert (one == other) == ("sad0.0" not in one.parent_ids)


def test_a_record_over_two_lines_is_masked():
    """Lines are joined before they are searched, not after."""
    assert scrub("card 4945 8073\n0215 7365 !") == "card [card] !"


def test_recorded_prompts_are_looked_at_anew():
    """Personal data in a recorded prompt, of an exemplar or of the template itself, is told by request and kind."""
    frame = pl.DataFrame(
        {"request_id": ["b", "a", "c"], "rendered_prompt": ["x\n- a@example.org\n- b@example.org", "- fine\n-", None]}
    )
    assert personal_data_in_prompts(frame).rows() == [("b", "email", 2)]


@pytest.mark.parametrize("kind", SIX)
def test_whatever_is_found_of_the_benchmark_is_hidden(kind):
    """A planted record that the finder knows leaves none of its letters and digits in the line that is shown."""
    for one in planted():
        if one.kind == kind and not one.is_lookalike and is_found(one):
            shown = scrub(one.text)
            assert f"[{kind}]" in shown
            assert one.record not in shown


def requests(plan) -> pl.DataFrame:
    return pl.DataFrame(
        [(asked.request_id, asked.rendered_prompt) for asked in plan],
        schema=["request_id", "rendered_prompt"],
        orient="row",
    )

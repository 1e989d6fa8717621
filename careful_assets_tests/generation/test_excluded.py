"""Refusing a round that would ask for what people excluded: the message tells the order that works."""

from __future__ import annotations

import polars as pl
import pytest

from careful_assets.errors import Refused
from careful_assets.generation.excluded import refuse_excluded
from careful_assets_tests.llm.stubs import request


@pytest.mark.parametrize("kept", [0, 7])
def test_rows_at_hand_are_offered_where_there_are_any(kept: int) -> None:
    """With rows kept the card may end its rounds; without any, that makes no version, and is not advised."""
    asked = request(0)
    standing = pl.DataFrame([{"kind": "generator", "item": asked.generator_id, "seq": 3, "reason": "bad"}])
    second = type(asked)(**{**vars(asked), "round": 2})
    with pytest.raises(Refused, match=r"Name another one in the card and run .* --withdraw --reason") as refused:
        refuse_excluded("phones", [second], (), standing, kept)
    assert ("set generation.max_rounds to 1 to go on with the 7 rows" in str(refused.value)) == (kept == 7)
    assert ("setting generation.max_rounds back makes no version" in str(refused.value)) == (kept == 0)
    refuse_excluded("phones", [second], {asked.request_id}, standing, kept)
    refuse_excluded("phones", [second], (), standing.clear(), kept)

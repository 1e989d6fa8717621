"""Who gave recorded answers, where some of the requests were erased and the generator was fitted anew since."""

from __future__ import annotations

from pathlib import Path

import pytest

from careful_assets.card.recorded import read_recorded
from careful_assets.errors import MalformedInput
from careful_assets.llm.journal_erasing import erase_requests
from careful_assets.llm.requests import GeneratorIdentity
from careful_assets_tests.generation.test_replay import IDENTITY, recorded, request

BEFORE = GeneratorIdentity("big-model", "llama", "a" * 64)


def test_requests_to_an_earlier_generator_may_stand_erased(tmp_path: Path) -> None:
    """Erased lines of the model as it was fitted before do not count for one generator; living ones do."""
    path, earlier = tmp_path / "recorded.ndjson", request(0, generator=BEFORE)
    path.write_bytes(recorded(earlier, request(1)))
    with pytest.raises(MalformedInput, match="another generator"):
        read_recorded(path)
    erase_requests(path, [earlier.request_id])
    assert read_recorded(path).digest == IDENTITY.digest
    erase_requests(path, [request(1).request_id])
    assert read_recorded(path).digest == IDENTITY.digest


def test_a_shorter_answer_is_replayed(tmp_path: Path) -> None:
    """An answer of which one completion was erased is a recorded answer still."""
    path = tmp_path / "recorded.ndjson"
    path.write_bytes(recorded(request(0)))
    erase_requests(path, [], [(request(0).request_id, 0)])
    assert read_recorded(path).generator_id == IDENTITY.generator_id

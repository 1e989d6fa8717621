"""Erasing requests from a journal: their texts go, every other byte stays, and what was spent is still spent."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import random
import resource
import signal
import stat
import time
from bisect import bisect_left
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.card.budget import Limits, Price
from careful_assets.errors import HomeUnusable, MalformedInput, StageFailed
from careful_assets.llm.budget import Budget
from careful_assets.llm.dispatch import Sent, answer_all
from careful_assets.llm.journal import Journal
from careful_assets.llm.journal_erasing import erase_requests
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Answer, Choice, Failure, Request
from careful_assets_tests.llm.stubs import client, request, served

PRICES = Prices({"stub-model": Price(prompt=2.0, completion=8.0)}, "EUR")
SECRET = "SECRET-7f3a"


def asked_as(index: int) -> Request:
    return request(index, prompt=f"Here is {SECRET}-{index}.\u00e9 Write one more.")


def journal_of(path: Path, size: int, seed: int) -> list[Request]:
    """A journal of `size` requests that were answered, failed, lost, repaired and sent again, in any order."""
    requests = [asked_as(index) for index in range(size)]

    async def one(journal: Journal, number: int, asked: Request) -> None:
        draw = random.Random(seed * 100 + number)  # its own: what is drawn must not hang on who comes first
        for _ in range(draw.randint(1, 3)):
            await journal.asked(asked, f"mend {SECRET}" if draw.random() < 0.2 else None)
            await asyncio.sleep(0)
            if draw.random() < 0.4:
                cause = f"it says {SECRET}"
                await journal.failed(Failure(asked.request_id, cause, True, billed=draw.random() < 0.5))
        if draw.random() < 0.7:
            texts = (Choice(f"{SECRET} row {n}", "stop") for n in range(draw.randint(1, 2)))
            await journal.answered(Answer(asked.request_id, tuple(texts), draw.choice([None, 40]), draw.random()))

    async def all_of_them() -> None:
        async with Journal(path) as journal:
            await asyncio.gather(*(one(journal, *numbered) for numbered in enumerate(requests)))

    asyncio.run(all_of_them())
    return requests


def spent(state: JournalState) -> tuple[object, ...]:
    """What the budget counts, as its refusals tell it."""
    asking = request(10_000)

    def refusal(**limit: float) -> str | None:
        return Budget(Limits(**limit), PRICES, lambda: state, clock=lambda: 0.0).refusal(asking)

    fewest = bisect_left(range(1, 10_000), True, key=lambda most: refusal(requests=most) is None)
    return fewest, refusal(tokens=1), refusal(cost=0.000001), refusal(seconds=0.001), refusal(requests=1)


def of_others(path: Path, gone: set[str]) -> list[bytes]:
    lines = path.read_bytes().splitlines(keepends=True)
    return [line for line in lines if not gone & {*_ids(json.loads(line))}]


def _ids(event: dict) -> tuple[str, ...]:
    return (event["request"]["request_id"] if "request" in event else event["request_id"],)


@settings(max_examples=30, deadline=None)
@given(size=st.integers(0, 12), seed=st.integers(0, 2**32), data=st.data())
def test_erased_requests_leave_their_figures_and_nothing_else_changes(tmp_path_factory, size, seed, data):
    """Other lines are equal byte for byte and in order, others' state is equal, and the budget counts what it did."""
    path = tmp_path_factory.mktemp("journal") / "set.ndjson"
    requests = journal_of(path, size, seed)
    before, ids = Journal(path).read(), [one.request_id for one in requests]
    gone = set(data.draw(st.lists(st.sampled_from(ids)))) if ids else set()
    others, budget = of_others(path, gone), spent(before)

    assert erase_requests(path, [*gone, "f" * 64]) == len(gone)
    after = Journal(path).read()
    assert of_others(path, gone) == others
    assert set(after.erased) == gone
    assert spent(after) == budget
    for name in ("requests", "answers", "failures", "attempts", "asked_at", "answered_at", "repairs", "billed"):
        had, has = getattr(before, name), getattr(after, name)
        assert dict(has) == {key: value for key, value in had.items() if key not in gone}
    assert after.resent == before.resent - gone
    lines = [line for line in path.read_text().splitlines() if '"erased"' in line]
    assert len(lines) == len(gone)
    assert not any(SECRET in line for line in lines)
    for key, record in after.erased.items():
        was = before.requests[key]
        assert (record.request.seed, record.request.parent_ids) == (was.seed, was.parent_ids)
        assert (record.attempts, record.asked_at) == (before.attempts[key], before.asked_at[key])
        assert record.answered_at == before.answered_at.get(key)

    whole = path.read_bytes()
    assert erase_requests(path, gone) == 0
    assert path.read_bytes() == whole
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {one.name for one in path.parent.iterdir()} == {"set.ndjson", "set.lock"}


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 8), seed=st.integers(0, 2**32), data=st.data())
def test_completions_go_alone(tmp_path_factory, size, seed, data):
    """Other completions keep text and index, the budget counts what it did, and an answer without any is erased."""
    path = tmp_path_factory.mktemp("journal") / "set.ndjson"
    journal_of(path, size, seed)
    before, budget = Journal(path).read(), spent(Journal(path).read())
    places = sorted((key, choice.index) for key, answer in before.answers.items() for choice in answer.choices)
    gone = set(data.draw(st.lists(st.sampled_from(places)))) if places else set()
    touched = {key for key, _ in gone}
    others = of_others(path, touched)

    erase_requests(path, [], [*gone, ("f" * 64, 0), *((key, 99) for key in before.answers)])
    after = Journal(path).read()
    assert of_others(path, touched) == others
    assert spent(after) == budget
    for key, answer in before.answers.items():
        left = tuple(choice for choice in answer.choices if (key, choice.index) not in gone)
        assert (after.answers[key].choices if left else key in after.erased) == (left or True)
        assert after.requests.get(key) == (before.requests[key] if left else None)
    whole = path.read_bytes()
    erase_requests(path, [], gone)
    assert path.read_bytes() == whole


def test_without_a_journal_there_is_nothing_to_erase(tmp_path):
    """Neither a file nor a folder is made."""
    assert erase_requests(tmp_path / "journal" / "set.ndjson", ["a"]) == 0
    assert list(tmp_path.iterdir()) == []
    assert erase_requests(tmp_path / "set.ndjson", ["a"]) == 0
    assert not (tmp_path / "set.ndjson").exists()


def test_a_torn_last_line_goes_and_a_link_is_followed(tmp_path):
    """What a crash left of a line may hold text; the file behind a link is the one that is written anew."""
    real, link = tmp_path / "real.ndjson", tmp_path / "set.ndjson"
    requests = journal_of(real, 2, 1)
    link.symlink_to(real)
    torn = json.dumps({"event": "asked", "request": {"rendered_prompt": "TORN text"}}).encode()[:-3]
    real.write_bytes(real.read_bytes() + torn)
    assert erase_requests(link, []) == 0
    assert b"TORN" not in real.read_bytes()
    assert erase_requests(link, [one.request_id for one in requests]) == 2
    assert SECRET.encode() not in real.read_bytes()
    assert link.is_symlink()


def test_an_erased_request_is_never_sent_again(tmp_path):
    """Dispatch passes over it, over real HTTP; the journal refuses to write it, and a line that asks it is corrupt."""
    path, kept, gone, new = tmp_path / "set.ndjson", request(0), request(1), request(2)

    async def answered(*requests: Request) -> tuple[Sent, int]:
        async with served() as stub, client(stub.url) as generator:
            sent = await answer_all(requests, generator, Journal(path), in_flight=2)
        return sent, len(stub.bodies)

    assert asyncio.run(answered(kept, gone)) == (Sent(2, 0, 0), 2)
    assert erase_requests(path, [gone.request_id]) == 1
    assert asyncio.run(answered(kept, gone)) == (Sent(0, 0, 0), 0)
    assert asyncio.run(answered(kept, gone, new)) == (Sent(1, 0, 0), 1)

    async def ask() -> None:
        async with Journal(path) as journal:
            journal.asked(gone)

    with pytest.raises(ValueError, match="was erased"):
        asyncio.run(ask())
    at = "2036-01-01T00:00:00+00:00"
    whole, erased = path.read_bytes(), next(line for line in path.read_bytes().splitlines() if b'"erased"' in line)
    for line in (
        json.dumps({"event": "asked", "at": at, "request": gone.as_json()}).encode(),
        json.dumps({"event": "asked", "at": at, "request_id": gone.request_id}).encode(),
        json.dumps(
            {"event": "failed", "at": at, "request_id": gone.request_id, "cause": "", "retryable": True}
        ).encode(),
        erased,
    ):
        path.write_bytes(whole + line + b"\n")
        with pytest.raises(MalformedInput, match=r"set\.ndjson:\d+: .*corrupt"):
            Journal(path).read()


WRONG = {
    "a prompt": {"request": {"rendered_prompt": "text"}},
    "a schema": {"request": {"answer_schema": {"type": "object"}}},
    "no attempts": {"attempts": None},
    "a time that is none": {"asked_at": "yesterday"},
    "an answer without tokens": {"taken": None},
    "tokens that are none": {"most": {"prompt": "many", "completion": 1}},
    "a further field": {"text": "a row"},
    "seconds that are none": {"latency_s": "long"},
}


@pytest.mark.parametrize("name", WRONG)
def test_an_erased_line_of_another_form_is_corrupt(tmp_path, name):
    """What no erasure could have written is named by file and line."""
    path = tmp_path / "set.ndjson"

    async def run() -> None:
        async with Journal(path) as journal:
            await journal.asked(request())
            await journal.answered(Answer(request().request_id, (Choice("a row", "stop"),), 5, 0.25))

    asyncio.run(run())
    erase_requests(path, [request().request_id])
    event = json.loads(path.read_bytes())
    wrong = dict(WRONG[name])
    event["request"] |= wrong.pop("request", {})
    path.write_text(json.dumps(event | wrong) + "\n")
    with pytest.raises(MalformedInput, match=r"set\.ndjson:1: .*backup"):
        Journal(path).read()


@contextmanager
def held(lock: Path):
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("4711")
        file.flush()
        yield


def test_a_journal_that_is_written_is_not_erased_from(tmp_path):
    """While another process generates, the erasure is refused with its pid; nothing changes."""
    path = tmp_path / "set.ndjson"
    requests = journal_of(path, 2, 1)
    before = path.read_bytes()
    with held(tmp_path / "set.lock"), pytest.raises(StageFailed, match="pid 4711"):
        erase_requests(path, [requests[0].request_id])
    assert path.read_bytes() == before


def test_a_full_disk_leaves_the_old_file(tmp_path):
    """The new file does not fit: an error that says so, the journal as it was, nothing beside it; then it works."""
    path = tmp_path / "set.ndjson"
    requests = journal_of(path, 20, 1)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(HomeUnusable, match="free space"):
            erase_requests(path, [requests[0].request_id])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert {one.name for one in tmp_path.iterdir()} == {"set.ndjson", "set.lock"}
    assert erase_requests(path, [requests[0].request_id]) == 1


def killed_at_any_moment(folder: Path, kills: int, seed: int) -> None:
    path, draw = folder / "set.ndjson", random.Random(seed)
    requests = journal_of(path, 300, seed)
    gone = [one.request_id for one in requests[::3]]
    old, before = path.read_bytes(), spent(Journal(path).read())
    for _ in range(kills):
        path.write_bytes(old)
        child = os.fork()
        if child == 0:
            erase_requests(path, gone)
            os._exit(0)
        time.sleep(draw.uniform(0, 0.06))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        state = Journal(path).read()
        assert path.read_bytes() == old or set(state.erased) == set(gone)
        assert spent(state) == before
        (folder / ".set.ndjson.erasing").touch()  # what a kill leaves, whether this one did or not
        erase_requests(path, gone)
        assert set(Journal(path).read().erased) == set(gone)
        assert not (folder / ".set.ndjson.erasing").exists()


def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path):
    """Killed at 8 random moments, the journal is whole either way, and the next call completes it."""
    killed_at_any_moment(tmp_path, 8, int.from_bytes(os.urandom(2), "big"))


@pytest.mark.soak
def test_many_kills(tmp_path):
    """The same at 100 moments (8 in the short form): with none wrong, under 3% of kills go wrong (rule of three)."""
    killed_at_any_moment(tmp_path, 100, 1)

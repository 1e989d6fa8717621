import asyncio
import json
import os
import re
import stat
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.errors import HomeUnusable, MalformedInput, StageFailed
from careful_assets.llm.journal import Journal
from careful_assets.llm.requests import Answer, Choice, Failure
from careful_assets_tests.llm.stubs import request


def answer(asked, text="a row"):
    return Answer(asked.request_id, (Choice(text, "stop"),), 5, 0.25)


def record(path, *steps):
    """Open the journal at `path`, run each step on it, close it."""

    async def run():
        async with Journal(path) as journal:
            for step in steps:
                await step(journal)

    asyncio.run(run())
    return Journal(path).read()


def test_what_is_recorded_is_read_again(tmp_path):
    """Requests whole, answers, failures, attempts and times; the file is private."""
    path = tmp_path / "journal" / "set.ndjson"
    first, second = request(0), request(1)
    state = record(
        path, lambda j: j.asked(first), lambda j: j.failed(Failure(first.request_id, "HTTP 503", True)),
        lambda j: j.asked(first), lambda j: j.answered(answer(first)), lambda j: j.asked(second),
    )  # fmt: skip
    assert state.requests == {first.request_id: first, second.request_id: second}
    assert state.answers == {first.request_id: answer(first)}
    assert state.failures[first.request_id].cause == "HTTP 503"
    assert state.attempts == {first.request_id: 2, second.request_id: 1}
    assert state.resent == set()
    assert state.asked_at[first.request_id] <= state.answered_at[first.request_id]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert Journal(tmp_path / "none.ndjson").read().requests == {}


def test_a_request_is_written_whole_once_and_asked_again_is_resent(tmp_path):
    """The second asking names the id alone; without an outcome in between it is resent; the first answer stands."""
    path, asked = tmp_path / "set.ndjson", request()
    record(path, lambda j: j.asked(asked))
    state = record(path, lambda j: j.asked(asked), lambda j: j.answered(answer(asked)))
    assert state.resent == {asked.request_id}
    assert path.read_text().count(asked.rendered_prompt) == 1
    again = record(path, lambda j: j.asked(asked), lambda j: j.answered(answer(asked, "another row")))
    assert again.answers[asked.request_id] == answer(asked)
    assert again.resent == {asked.request_id}


@settings(max_examples=25, deadline=None)
@given(text=st.text(st.characters(), max_size=30), cut=st.integers(1, 200))
def test_a_torn_last_line_is_ignored_and_never_glued_to_the_next(tmp_path_factory, text, cut):
    """Whatever the text and wherever the line was torn, the lines before stand and the next one is whole."""
    path = tmp_path_factory.mktemp("torn") / "set.ndjson"
    first, second = request(0), request(1)
    record(path, lambda j: j.asked(first), lambda j: j.answered(answer(first, text)), lambda j: j.asked(second))
    whole = path.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    path.write_bytes(whole[: len(whole) - min(cut, last)])
    assert second.request_id not in Journal(path).read().requests
    state = record(path, lambda j: j.asked(second))
    assert state.answers == {first.request_id: answer(first, text)}
    assert set(state.requests) == {first.request_id, second.request_id}
    assert state.resent == set()


CORRUPT = {
    "no JSON": b"{half a line\n",
    "no event": b"[]\n",
    "unknown event": b'{"event": "sold", "at": "2026-01-01T00:00:00+00:00", "request_id": "x"}\n',
    "answer to nothing": b'{"event": "answered", "at": "2026-01-01T00:00:00+00:00", "request_id": "x"}\n',
    "zeros": b"\0\0\0\0\n",
}


@pytest.mark.parametrize("name", CORRUPT)
def test_a_corrupt_line_is_named_and_nothing_is_appended(tmp_path, name):
    """Any corrupt line but a torn last one stops reading and writing with file, line and remedy."""
    path = tmp_path / "set.ndjson"
    record(path, lambda j: j.asked(request()))
    path.write_bytes(path.read_bytes() + CORRUPT[name])
    before = path.read_bytes()
    with pytest.raises(MalformedInput, match=r"set\.ndjson:2: .*backup"):
        Journal(path).read()
    with pytest.raises(MalformedInput):
        record(path, lambda j: j.asked(request(1)))
    assert path.read_bytes() == before


GIVEN = {"text": "a row", "finish_reason": "stop"}
WRONG = {
    "latency is a text": {"latency_s": "abc"},
    "latency is no number": {"latency_s": float("nan")},
    "tokens are a text": {"tokens": "5"},
    "tokens are no count": {"tokens": 10**30},
    "the model's name is a number": {"answered_by": 3},
    "a row is a number": {"choices": [{**GIVEN, "text": 7}]},
    "a reason is a number": {"choices": [{**GIVEN, "finish_reason": 0}]},
    "a place is a text": {"choices": [{**GIVEN, "index": "0"}]},
    "a place is taken": {"choices": [{**GIVEN, "index": 1}, GIVEN]},
    "a place was not asked for": {"choices": [{**GIVEN, "index": 2}]},
    "no row": {"choices": []},
    "rows are an object": {"choices": {"0": GIVEN}},
    "deep JSON": None,
}


@pytest.mark.parametrize("name", WRONG)
def test_an_answer_of_other_types_is_a_corrupt_line(tmp_path, name):
    """What no run could have written is named by file and line, whatever it would break later; never its text."""
    path, asked = tmp_path / "set.ndjson", request()
    record(path, lambda j: j.asked(asked), lambda j: j.answered(answer(asked)))
    lines = path.read_bytes().splitlines(keepends=True)
    wrong = b"[" * 200_000 if WRONG[name] is None else json.dumps({**json.loads(lines[1]), **WRONG[name]}).encode()
    path.write_bytes(lines[0] + wrong + b"\n" + lines[1])
    with pytest.raises(MalformedInput, match=r"set\.ndjson:2: .*backup") as caught:
        Journal(path).read()
    assert "a row" not in str(caught.value)


def test_a_choice_keeps_its_place_and_old_lines_are_read_by_position(tmp_path):
    """The place is on record; lines from before it was have none, and it is the position."""
    path, asked = tmp_path / "set.ndjson", request(n=4)
    given = Answer(asked.request_id, (Choice("third", "stop", 2), Choice("fourth", "stop", 3)), 5, 0.25)
    record(path, lambda j: j.asked(asked), lambda j: j.answered(given))
    assert Journal(path).read().answers[asked.request_id] == given
    path.write_bytes(re.sub(rb',"index":\d', b"", path.read_bytes()))
    assert [one.index for one in Journal(path).read().answers[asked.request_id].choices] == [0, 1]


def test_a_folder_in_the_journals_place_is_told(tmp_path):
    """Reading and writing name the path and what to do."""
    path = tmp_path / "set.ndjson"
    path.mkdir()
    for attempt in (lambda: Journal(path).read(), lambda: record(path)):
        with pytest.raises(HomeUnusable, match=r"set\.ndjson: the journal cannot be read.*run again"):
            attempt()


def test_concurrent_appends_share_a_sync_and_return_only_when_durable(tmp_path, monkeypatch):
    """A hundred appends cost a few syncs; at each return the line stands in the file."""
    syncs, path = [], tmp_path / "set.ndjson"
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (syncs.append(handle), real(handle)))

    async def run():
        async with Journal(path) as journal:

            async def one(index):
                asked = request(index)
                await journal.asked(asked)
                assert asked.request_id in path.read_text()

            await asyncio.gather(*map(one, range(100)))

    asyncio.run(run())
    assert len(Journal(path).read().requests) == 100
    assert len(syncs) <= 10


def test_one_writer_at_a_time(tmp_path):
    """A second writer is refused with the first one's pid, also from another process; readers are not."""
    path = tmp_path / "set.ndjson"
    code = (
        "import asyncio, sys; from pathlib import Path; from careful_assets.llm.journal import Journal\n"
        "async def hold():\n"
        "    async with Journal(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()\n"
        "asyncio.run(hold())"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(StageFailed, match=f"pid {child.pid}"):
            record(path, lambda j: j.asked(request()))
        assert Journal(path).read().requests == {}
        child.kill()
    assert len(record(path, lambda j: j.asked(request())).requests) == 1


def test_a_full_disk_fails_the_append_and_every_later_one(tmp_path):
    """Nobody is told that a line is durable which the disk refused."""
    path = tmp_path / "set.ndjson"
    path.symlink_to("/dev/full")

    async def run():
        async with Journal(path) as journal:
            results = await asyncio.gather(
                *(journal.asked(request(index)) for index in range(3)), return_exceptions=True
            )
            with pytest.raises(HomeUnusable, match="free space"):
                await journal.asked(request(9))
            return results

    assert all(isinstance(result, HomeUnusable) for result in asyncio.run(run()))


def test_a_failed_write_leaves_no_line_behind(tmp_path, monkeypatch):
    """A line whose sync failed is not read as recorded, and the journal goes on from the last durable one."""
    path, first, second = tmp_path / "set.ndjson", request(0), request(1)
    record(path, lambda j: j.asked(first))

    async def run():
        async with Journal(path) as journal:
            with monkeypatch.context() as patch:
                patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
                with pytest.raises(HomeUnusable):
                    await journal.asked(second)

    asyncio.run(run())
    assert set(Journal(path).read().requests) == {first.request_id}
    assert set(record(path, lambda j: j.asked(second)).requests) == {first.request_id, second.request_id}

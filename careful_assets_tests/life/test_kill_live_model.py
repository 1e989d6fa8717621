"""The embedded language model under SIGKILL: what it answered is kept, only what was in flight is sent again."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from careful_assets.warehouse.home import Home
from careful_assets_tests.life.arrange import PACKAGED, Life
from careful_assets_tests.tools import require

KILLS = 5
REQUESTS = 24


def live_life(root: Path, anchor_cache: Path) -> Life:
    """The packaged demo card with its language model and a smaller gap, in a project of its own."""
    folder = root / "project" / "cards" / "complaints_live"
    shutil.copytree(PACKAGED, folder, ignore=shutil.ignore_patterns("defs.yaml"))
    home = Home(root / "home")
    home.root.mkdir()
    shutil.copytree(anchor_cache, home.cache)
    life = Life(root / "project", home, "complaints_live")
    life.rewrite_card("name: product_complaints", "name: complaints_live")
    life.rewrite_card("target_count: 559", f"target_count: {259 + 8 * REQUESTS}")
    return life


def whole_lines(journal: Path) -> bytes:
    """What of the journal is durable: all of it up to the last line's end."""
    content = journal.read_bytes() if journal.exists() else b""
    return content[: content.rfind(b"\n") + 1]


def events(content: bytes, kind: str) -> list[str]:
    """The request ids of the journal's events of a kind, in order."""
    lines = [json.loads(line) for line in content.splitlines()]
    return [
        line["request"]["request_id"] if "request" in line else line["request_id"]
        for line in lines
        if line["event"] == kind
    ]


@pytest.mark.llm
@pytest.mark.soak
def test_a_killed_live_generation_goes_on(tmp_path: Path, anchor_cache: Path) -> None:
    """Over five SIGKILLs no recorded answer is lost or asked for again, resends stay within what was in flight, and the
    conservation checks of the finished run pass."""
    require("llm")
    life = live_life(tmp_path, anchor_cache)
    command, environment = life.command("run", life.dataset, "--to", "filtering")
    moments = random.Random(20261122)
    for _ in range(KILLS):
        before = whole_lines(life.journal)
        child = subprocess.Popen(
            command, cwd=life.project, env=environment, start_new_session=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 120
        while whole_lines(life.journal) == before and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(moments.uniform(0, 6))
        assert child.poll() is None, "the run ended before it could be killed: make the gap larger"
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        assert whole_lines(life.journal).startswith(before), "a recorded line was lost or changed"
    before = whole_lines(life.journal)
    done = subprocess.run(command, cwd=life.project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    after = whole_lines(life.journal)
    assert after.startswith(before)
    asked, answered = events(after, "asked"), events(after, "answered")
    assert len(answered) == len(set(answered)) == REQUESTS
    in_flight = max(1, min(8, len(os.sched_getaffinity(0))))
    assert len(asked) - REQUESTS <= KILLS * in_flight
    requests = life.table("generation.requests")
    assert set(requests["request_id"]) == set(answered)
    resent = {request_id for request_id in asked if asked.count(request_id) > 1}
    assert set(requests.filter(requests["resent"])["request_id"]) == resent
    assert life.table("generation.candidates").height == 8 * REQUESTS

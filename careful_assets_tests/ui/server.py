"""A real `dg dev` on a free loopback port, for a project outside the repository, and its GraphQL."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from careful_assets.shipped import shipped
from careful_assets_tests.life.arrange import Life

_PYPROJECT = """\
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "own_project"
code_location_name = "careful_assets"

[tool.dg.cli]
telemetry.enabled = false
"""
_DEFINITIONS = "from careful_assets.definitions import defs as defs\n"
_RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
_RUNS = "{ runsOrError(limit: 25) { ... on Runs { results { runId } } } }"


@dataclass(frozen=True)
class Server:
    """Where Dagster is served."""

    url: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data that answers a GraphQL query."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        return found["data"]

    def runs(self) -> set[str]:
        """The ids of all runs."""
        return {run["runId"] for run in self.ask(_RUNS)["runsOrError"]["results"]}

    def launched(self, before: set[str]) -> str:
        """The id of the one run that was launched since `before`."""
        launched = _until(lambda: self.runs() - before, 30, "no run was launched")
        assert len(launched) == 1
        (run,) = launched
        return run

    def outcome(self, run: str, seconds: float = 180) -> str:
        """The status in which a run ended."""

        def ended() -> str | None:
            status = self.ask(_RUN, id=run)["runOrError"]["status"]
            return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None

        return _until(ended, seconds, "the run did not end")


@contextmanager
def dg_dev(life: Life) -> Iterator[Server]:
    """Serve the life's project, as someone does whose project only uses the package; ends every process it started."""
    _make_dagster_project(life)
    port = _free_port()
    server = Server(f"http://127.0.0.1:{port}")
    log = life.project / "dg-dev.log"
    with log.open("w") as output, _interrupts_heeded():
        process = subprocess.Popen(
            [Path(sys.executable).with_name("dg"), "dev", "--host", "127.0.0.1", "--port", str(port)],
            cwd=life.project,
            env=_environment(life),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Its processes outlive their parent; together in a session of their own they can all be ended.
            start_new_session=True,
        )
    try:
        _until(lambda: _answers(server, process, log), 90, "dg dev does not answer")
        yield server
    finally:
        _end(process)


def _make_dagster_project(life: Life) -> None:
    (life.project / "pyproject.toml").write_text(_PYPROJECT)
    (life.project / "own_project").mkdir()
    (life.project / "own_project" / "__init__.py").touch()
    (life.project / "own_project" / "definitions.py").write_text(_DEFINITIONS)
    life.home.dagster.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(shipped("dagster.yaml", "deploy/dagster.yaml"), life.home.dagster / "dagster.yaml")


def _environment(life: Life) -> dict[str, str]:
    # `dg` warns of any environment that is not the project's own.
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return kept | {"CAREFUL_HOME": str(life.home.root), "DAGSTER_HOME": str(life.home.dagster)}


def _answers(server: Server, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, f"dg dev ended:\n{log.read_text()}"
    try:
        with urllib.request.urlopen(f"{server.url}/server_info", timeout=5):
            return True
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(20)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


@contextmanager
def _interrupts_heeded() -> Iterator[None]:
    """A test run in the background ignores SIGINT; a process started within does not inherit that."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _until(found: Any, seconds: float, complaint: str) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.5)
    raise AssertionError(f"{complaint} within {seconds:.0f} s")

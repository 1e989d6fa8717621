"""A peer's runner, run by the peer's own Python: bounded in time, on loopback alone, nothing of it left over.

A runner is called with the stub's base URL, the rows asked for, the calls in flight and a folder for all that it
writes; the prompt stands on its standard input, `{"rows": rows made, "seconds": ...}` goes to `measured.json` in the
folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

from careful_assets_tests.benchmarks.peers.environments import HERE, Peer, PeerUnavailable, python_of

_TIMEOUT_S = 180
_QUIET = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "NEMO_TELEMETRY_ENABLED": "false",
    "PYTHONPATH": str(HERE / "loopback"),
}


def rows_per_second(peer: Peer, url: str, prompt: str, *, rows: int, in_flight: int, folder: Path) -> float:
    """What the peer measured of itself; `folder`, new and empty, is its home.

    Raises:
        PeerUnavailable: it could not be installed, failed, made fewer rows than asked or took longer than 3 minutes.
    """
    python = python_of(peer)
    folder.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    home = {"HOME": str(folder), "TMPDIR": str(folder), "DATA_DESIGNER_HOME": str(folder)}
    with (folder / "log").open("w") as log:
        child = subprocess.Popen(
            [python, peer.runner, url, str(rows), str(in_flight), folder], env={**kept, **home, **_QUIET}, cwd=folder,
            stdin=subprocess.PIPE, stdout=log, stderr=log, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            child.communicate(prompt, timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise PeerUnavailable(f"{peer.title} did not make its {rows} rows within {_TIMEOUT_S} s") from error
        finally:
            with contextlib.suppress(ProcessLookupError):  # its own children, too: the session's group bears its id
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    if child.returncode != 0:
        last = ((folder / "log").read_text(errors="replace").strip().splitlines() or ["no output"])[-1]
        raise PeerUnavailable(f"{peer.title} ended with {child.returncode}: {last}")
    measured = json.loads((folder / "measured.json").read_text())
    if measured["rows"] != rows:
        raise PeerUnavailable(f"{peer.title} made {measured['rows']} of {rows} rows; the ratio would mean nothing")
    return float(rows / measured["seconds"])

"""One predictor in a child process: rows in, labels out, and everything it started killed at the end.

Belongs here: the conversation with the child and its bounds. What the kernel denies it is in `sandbox`; what
is made of its labels in `vault_scorer`. The child's error output goes nowhere: it may hold rows.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SANDBOX = Path(__file__).with_name("sandbox.py")
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Ran:
    """How a child ran: output, what went wrong (None: nothing) in words without rows, what confined it."""

    output: bytes
    trouble: str | None
    protections: tuple[str, ...]


class _Misbehaved(Exception):
    """The child must be killed; the message says why."""


def run_confined(command: Sequence[str], given: bytes, room: int, timeout_s: float, hidden: Path | None = None) -> Ran:
    """Run `command` in the sandbox with `given` on its standard input.

    Args:
        command: program and arguments; no shell.
        given: the whole input.
        room: most bytes of output; one more and the child is killed.
        timeout_s: seconds from start to end; past them the child is killed.
        hidden: the vault's folder, which the child finds empty where the system has namespaces.
    """
    report, report_end = os.pipe()
    arguments = [sys.executable, "-I", "-S", str(_SANDBOX), str(report_end), str(hidden or ""), "--", *command]
    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            close_fds=True,
            pass_fds=(report_end,),
        )
    except BaseException:
        os.close(report)
        raise
    finally:
        os.close(report_end)
    talk = _Talk(process, report, given, room, time.monotonic() + timeout_s)
    trouble = None
    try:
        talk.hold()
    except _Misbehaved as why:
        trouble = f"{why}; it was killed"
    except TimeoutError:
        trouble = f"did not end within {timeout_s:g} s; it was killed"
    finally:
        _kill(process)
        talk.close()
    return Ran(bytes(talk.output), trouble or _ending(talk.report_lines()), _held(talk.report_lines()))


class _Talk:
    """Feeds the child, takes its output, and listens to the report until the sandbox has ended."""

    def __init__(self, process: subprocess.Popen[bytes], report: int, given: bytes, room: int, deadline: float) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout, self._report = process.stdin, process.stdout, report
        self._left = memoryview(given)
        self._room = room
        self._deadline = deadline
        self.output = bytearray()
        self._heard = bytearray()
        self._selector = selectors.DefaultSelector()

    def hold(self) -> None:
        """Talk until the report's end, which is the end of the sandbox and of the command in it.

        Raises:
            TimeoutError: the deadline passed.
            _Misbehaved: the output is larger than the room for it.
        """
        for stream in (self._stdin.fileno(), self._stdout.fileno(), self._report):
            os.set_blocking(stream, False)
        self._selector.register(self._stdin, selectors.EVENT_WRITE, self._feed)
        self._selector.register(self._stdout, selectors.EVENT_READ, self._take)
        self._selector.register(self._report, selectors.EVENT_READ, self._listen)
        while self._report in self._selector.get_map():
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            for key, _ in self._selector.select(left):
                key.data()
        while self._stdout in self._selector.get_map() and self._take():
            pass

    def close(self) -> None:
        """Hear the rest of the report, close all pipes."""
        with contextlib.suppress(BlockingIOError):
            self._heard += os.read(self._report, _CHUNK)
        self._selector.close()
        os.close(self._report)
        for stream in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):
                stream.close()

    def report_lines(self) -> list[str]:
        """What the sandbox said, line by line."""
        return self._heard.decode("utf-8", "replace").splitlines()

    def _feed(self) -> None:
        try:
            written = os.write(self._stdin.fileno(), self._left[:_CHUNK]) if self._left else 0
            self._left = self._left[written:]
        except BrokenPipeError:  # it reads no more; its answer will tell
            self._left = self._left[:0]
        if not self._left:
            self._selector.unregister(self._stdin)
            with contextlib.suppress(BrokenPipeError):
                self._stdin.close()

    def _take(self) -> bool:
        try:
            chunk = os.read(self._stdout.fileno(), _CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            self._selector.unregister(self._stdout)
        self.output += chunk
        if len(self.output) > self._room:
            raise _Misbehaved("wrote more than one label a row takes")
        return bool(chunk)

    def _listen(self) -> None:
        heard = os.read(self._report, _CHUNK)
        self._heard += heard
        if not heard:
            self._selector.unregister(self._report)


def _environment() -> dict[str, str]:
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        **single,
    }


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the child's whole group before it is reaped, while its number cannot be another's."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ending(report: list[str]) -> str | None:
    if not any(line.startswith("held") for line in report):
        return "was not started: the sandbox around it could not be set up"
    for line in report:
        if line.startswith("cannot start: "):
            return line.replace("cannot start:", "could not be started:", 1)
    code = next((int(line.removeprefix("ended ")) for line in report if line.startswith("ended ")), None)
    if code is None:
        return "was killed from outside"
    if code < 0:
        return f"was killed by signal {-code} ({signal.strsignal(-code) or 'unknown'})"
    return f"ended with exit code {code}" if code else None


def _held(report: list[str]) -> tuple[str, ...]:
    line = next((line for line in report if line.startswith("held ")), "held ")
    return tuple(name for name in line.removeprefix("held ").split(", ") if name)

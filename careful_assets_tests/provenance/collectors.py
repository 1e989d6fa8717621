"""Collectors of lineage on loopback, well and ill, and what a home holds of events."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

Manner = Literal[
    "takes",
    "hangs",
    "trickles",
    "floods",
    "fails",
    "refuses",
    "sends on",
    "sends all on",
    "shuts out",
    "mumbles",
    "dawdles",
]
SLOW_S = 0.3  # what a collector that dawdles takes for an event
_ANSWERS = {"takes": 201, "fails": 500, "refuses": 422, "sends on": 302, "sends all on": 307}
_ANSWERS |= {"shuts out": 401, "floods": 201, "mumbles": 199, "dawdles": 201}


class Collector(ThreadingHTTPServer):
    """`taken`: the events that it acknowledged; `asked`: how many requests came; `keys`: what they authorized with."""

    daemon_threads = True

    def __init__(self, manner: Manner) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manner = manner
        self.taken: list[dict[str, Any]] = []
        self.asked = 0
        self.keys: list[str | None] = []
        self.paths: list[str] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        server.asked += 1
        server.keys.append(self.headers["Authorization"])
        server.paths.append(self.path)
        if server.manner == "hangs":
            server.over.wait()
            return
        if server.manner == "trickles":
            self.wfile.write(b"HTTP/1.1 201 Created\r\n")
            while not server.over.wait(0.2):
                self.wfile.write(b"X-More: 1\r\n")
            return
        if server.manner == "dawdles":
            server.over.wait(SLOW_S)
        self.send_response(_ANSWERS[server.manner])
        if server.manner in ("sends on", "sends all on"):
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "1000000000" if server.manner == "floods" else "0")
        if server.manner in ("takes", "floods", "dawdles"):
            server.taken.append(json.loads(body))
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests' output is not the place."""


@contextmanager
def collecting(manner: Manner = "takes") -> Iterator[Collector]:
    """A collector that behaves in this manner."""
    server = Collector(manner)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def events_in(path: Path) -> list[dict[str, Any]]:
    """The events of a file of lines; none if there is no file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def identity(event: dict[str, Any]) -> tuple[str, str, str]:
    """What tells an event from every other."""
    return event["run"]["runId"], event["eventType"], event["eventTime"]


def waited(what: Any, seconds: float = 10.0) -> bool:
    """Whether `what()` came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return bool(what())

"""An OpenAI-compatible endpoint on loopback that answers some requests and refuses the rest."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Writer = Callable[[int], tuple[str, str]]


def _of_phones(seed: int) -> tuple[str, str]:
    return f" The phone of number {seed} broke in hand at once.", "stop"


class Endpoint(ThreadingHTTPServer):
    """`willing`: how many requests it answers before it refuses. `asked`: how many came; `bodies`: what they said.

    `writer`: the text and the finish reason of the completion with this seed.
    """

    def __init__(self, willing: int, writer: Writer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.willing = willing
        self.writer = writer
        self.asked = 0
        self.bodies: list[dict[str, Any]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def next_number(self) -> int:
        with self.lock:
            self.asked += 1
            return self.asked


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(asked)
        if self.server.next_number() > self.server.willing:
            self._send(400, {"error": {"message": "not today"}})
            return
        written = [self.server.writer(asked["seed"] + n) for n in range(asked["n"])]
        choices = [{"index": n, "text": text, "finish_reason": why} for n, (text, why) in enumerate(written)]
        self._send(200, {"choices": choices, "usage": {"prompt_tokens": 1, "completion_tokens": 1}})

    def _send(self, status: int, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serving(willing: int = 10**6, writer: Writer = _of_phones) -> Iterator[Endpoint]:
    """The endpoint, running."""
    with Endpoint(willing, writer) as endpoint:
        thread = threading.Thread(target=endpoint.serve_forever, daemon=True)
        thread.start()
        try:
            yield endpoint
        finally:
            endpoint.shutdown()
            thread.join()


def closed_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

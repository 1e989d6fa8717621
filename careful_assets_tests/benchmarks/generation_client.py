"""The generation client beside a bare aiohttp loop on the same stub: run by `make bench`, asserted nowhere."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from careful_assets.llm.client import EndpointClient, endpoint_identity
from careful_assets.llm.dispatch import answer_all
from careful_assets.llm.journal import Journal
from careful_assets.llm.requests import Request

CALLS, IN_FLIGHT, LATENCY_S, RUNS = 3000, 64, 0.05, 5
PROMPT = "Write one short complaint of a customer about a product that broke. " * 8
IDENTITY = endpoint_identity("stub-model", "stub")


def serve() -> None:
    """Answer chat and completion requests after LATENCY_S, until killed; prints its port."""
    from aiohttp import web

    async def answer(http: web.Request) -> web.Response:
        body = await http.json()
        await asyncio.sleep(LATENCY_S)
        row = {"index": 0, "finish_reason": "stop"}
        chat = {**row, "message": {"role": "assistant", "content": f"row {body.get('seed', 0)}"}}
        choice = chat if "messages" in body else {**row, "text": f"row {body['seed']}"}
        usage = {"prompt_tokens": 90, "completion_tokens": 12, "total_tokens": 102}
        answer = {"id": "x", "object": "chat.completion", "created": 0, "model": "stub-model", "usage": usage}
        return web.json_response({**answer, "choices": [choice]})

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def served() -> Iterator[str]:
    """The base of a stub in a process of its own."""
    child = subprocess.Popen([sys.executable, "-m", __spec__.name, "serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield f"http://127.0.0.1:{int(child.stdout.readline())}/v1"
    finally:
        child.kill()
        child.wait()


def request(index: int) -> Request:
    """A request of the size that generation makes."""
    return Request.make(
        round=1, stratum="negative", prompt_id="plain", prompt_sha256="0" * 64, rendered_prompt=PROMPT,
        generator=IDENTITY, mode="completion", params={"temperature": 1.0, "max_tokens": 60, "stop": ["\n"]},
        seed=index, completions=1, parent_ids=["a", "b", "c"],
    )  # fmt: skip


async def bare(url: str) -> None:
    """The same payloads in a loop that records nothing."""
    left = iter(range(CALLS))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def work() -> None:
            for seed in left:
                body = {"prompt": PROMPT, "model": "stub-model", "n": 1, "seed": seed, "temperature": 1.0,
                        "max_tokens": 60, "stop": ["\n"]}  # fmt: skip
                async with session.post(f"{url}/completions", json=body) as response:
                    assert (await response.json())["choices"]

        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))


async def ours(url: str, requests: list[Request], journal: Path) -> None:
    """The client, its dispatch and its journal."""
    client = EndpointClient(url, IDENTITY, remedy="start the stub")
    sent = await answer_all(requests, client, Journal(journal), in_flight=IN_FLIGHT)
    assert sent.answered == CALLS


def rate(work: object) -> float:
    """Calls a second."""
    begun = time.perf_counter()
    asyncio.run(work)  # type: ignore[arg-type]
    return CALLS / (time.perf_counter() - begun)


def main() -> None:
    """Print both rates, as medians of alternating runs, and their ratio."""
    with served() as url, tempfile.TemporaryDirectory() as folder:
        requests = [request(index) for index in range(CALLS)]
        rates = [(rate(bare(url)), rate(ours(url, requests, Path(folder, f"{run}.ndjson")))) for run in range(RUNS)]
        loop, own = (statistics.median(column) for column in zip(*rates, strict=True))
        ratios = sorted(own / loop for loop, own in rates)
        print(f"{CALLS} calls, {IN_FLIGHT} in flight, answers after {LATENCY_S * 1000:.0f} ms: "
              f"bare loop {loop:,.0f}/s, client with journal {own:,.0f}/s: {statistics.median(ratios):.1%} "
              f"({ratios[0]:.1%} to {ratios[-1]:.1%})")  # fmt: skip


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()

"""The generation client beside a bare aiohttp loop and its peers on one stub: run by `make bench`, asserted nowhere.

All send the same prompt as chat, as often, with as many calls in flight. Our share of the bare loop is taken over runs
that alternate, each peer's ratio over runs of ours and theirs in turn, since a machine's speed drifts. Ours is timed
with its journal from reading it to its last durable record; what is timed of a peer stands in its runner.
"""

from __future__ import annotations

import asyncio
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from careful_assets.llm.client import EndpointClient, endpoint_identity
from careful_assets.llm.dispatch import answer_all
from careful_assets.llm.journal import Journal
from careful_assets.llm.requests import Request
from careful_assets_tests.benchmarks.peers.environments import DATA_DESIGNER, DISTILABEL, Peer, PeerUnavailable
from careful_assets_tests.benchmarks.peers.running import rows_per_second

CALLS, IN_FLIGHT, LATENCY_S, RUNS = 3000, 64, 0.05, 5
PEERS_ROWS, PEERS_RUNS = 1000, 3
SHARE_OF_BARE = 0.93
TIMES_PEER = {DATA_DESIGNER: 2.5, DISTILABEL: 6.0}
PROMPT = "Write one short complaint of a customer about a product that broke. " * 8
PARAMS = {"temperature": 1.0, "max_tokens": 60}
IDENTITY = endpoint_identity("stub-model", "stub")


def serve() -> None:
    """Answer chat requests after LATENCY_S, until killed; prints its port. `/seen` tells, and forgets, its traffic."""
    from aiohttp import web

    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # a peer that is stopped breaks its calls off
    seen = {"now": 0, "most": 0}

    async def answer(http: web.Request) -> web.Response:
        body = await http.json()
        seen["now"] += 1
        seen["most"] = max(seen["most"], seen["now"])
        await asyncio.sleep(LATENCY_S)
        seen["now"] -= 1
        message = {"role": "assistant", "content": f"row {body.get('seed', 0)}"}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 90, "completion_tokens": 12, "total_tokens": 102}
        answer = {"id": "x", "object": "chat.completion", "created": 0, "model": "stub-model", "usage": usage}
        return web.json_response({**answer, "choices": [choice]})

    async def tell(_: web.Request) -> web.Response:
        told = dict(seen)
        seen["most"] = 0
        return web.json_response(told)

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", answer)
        app.router.add_get("/v1/seen", tell)
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


def most_in_flight(url: str) -> int:
    """The most calls that the stub had at once since it was last asked."""
    with urllib.request.urlopen(f"{url}/seen", timeout=10) as response:
        return int(json.load(response)["most"])


def request(index: int) -> Request:
    """A request of the size that generation makes."""
    return Request.make(
        round=1, stratum="negative", prompt_id="plain", prompt_sha256="0" * 64, rendered_prompt=PROMPT,
        generator=IDENTITY, mode="chat", params=PARAMS, seed=index, completions=1, parent_ids=["a", "b", "c"],
    )  # fmt: skip


async def bare(url: str) -> None:
    """The same payloads in a loop that records nothing."""
    left = iter(range(CALLS))
    message = {"role": "user", "content": PROMPT}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def work() -> None:
            for seed in left:
                body = {**PARAMS, "messages": [message], "model": "stub-model", "n": 1, "seed": seed}
                async with session.post(f"{url}/chat/completions", json=body) as response:
                    assert (await response.json())["choices"]

        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))


async def ours(url: str, requests: list[Request], journal: Path) -> None:
    """The client, its dispatch and its journal."""
    client = EndpointClient(url, IDENTITY, remedy="start the stub")
    sent = await answer_all(requests, client, Journal(journal), in_flight=IN_FLIGHT)
    assert sent.answered == len(requests)


def rate(calls: int, work: Coroutine[None, None, None]) -> float:
    """Calls a second."""
    begun = time.perf_counter()
    asyncio.run(work)
    return calls / (time.perf_counter() - begun)


def beside_bare(url: str, requests: list[Request], folder: Path) -> str:
    """Both rates, as medians of alternating runs, and their ratio."""
    rates = [
        (rate(CALLS, bare(url)), rate(CALLS, ours(url, requests, folder / f"bare-{run}.ndjson")))
        for run in range(RUNS)
    ]  # fmt: skip
    loop, own = (statistics.median(column) for column in zip(*rates, strict=True))
    ratios = sorted(own / loop for loop, own in rates)
    return (
        f"  bare loop {loop:,.0f}/s, client with journal {own:,.0f}/s over {CALLS} calls: "
        f"{statistics.median(ratios):.1%} ({ratios[0]:.1%} to {ratios[-1]:.1%}); target at least {SHARE_OF_BARE:.0%}"
    )


def beside_peer(peer: Peer, url: str, requests: list[Request], folder: Path) -> str:
    """Both rates, as medians of runs in turn, and their ratio.

    Raises:
        PeerUnavailable: the peer could not be installed or did not do its work.
    """
    rates, most = [], 0
    for run in range(PEERS_RUNS):
        own = rate(PEERS_ROWS, ours(url, requests[:PEERS_ROWS], folder / f"{peer.name}-{run}.ndjson"))
        most_in_flight(url)  # what ours had is forgotten
        theirs = rows_per_second(
            peer, url, PROMPT, rows=PEERS_ROWS, in_flight=IN_FLIGHT, folder=folder / f"{peer.name}-{run}"
        )
        most = max(most, most_in_flight(url))
        rates.append((own, theirs))
    own, theirs = (statistics.median(column) for column in zip(*rates, strict=True))
    ratios = sorted(own / theirs for own, theirs in rates)
    return (
        f"  {peer.title} {theirs:,.0f}/s (at most {most} in flight), client with journal {own:,.0f}/s over "
        f"{PEERS_ROWS} rows: {statistics.median(ratios):.1f}x ({ratios[0]:.1f}x to {ratios[-1]:.1f}x); "
        f"target at least {TIMES_PEER[peer]:.1f}x"
    )


def main() -> int:
    """Print what was measured, line by line; 1 if a peer is missing from it."""
    missing = 0
    with served() as url, tempfile.TemporaryDirectory() as folder:
        requests = [request(index) for index in range(CALLS)]
        print(f"Generation client, {IN_FLIGHT} in flight, answers after {LATENCY_S * 1000:.0f} ms:", flush=True)
        print(beside_bare(url, requests, Path(folder)), flush=True)
        for peer in TIMES_PEER:
            try:
                print(beside_peer(peer, url, requests, Path(folder)), flush=True)
            except PeerUnavailable as error:
                missing = 1
                print(f"  not measured: {error}", flush=True)
    return missing


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        sys.exit(main())

"""A process that generates until it is done or killed: URL JOURNAL REQUESTS IN_FLIGHT [TIMEOUT_S]."""

import asyncio
import sys
from pathlib import Path

from careful_assets.llm.dispatch import answer_all
from careful_assets.llm.journal import Journal
from careful_assets.llm.pacing import Retries
from careful_assets_tests.llm.stubs import client, request

if __name__ == "__main__":
    url, path, count, in_flight, *rest = sys.argv[1:]
    asked = [request(index) for index in range(int(count))]
    retries = Retries(first_pause_s=0.01, first_rest_s=0.1)
    generator = client(url, timeout_s=float(rest[0]) if rest else None)
    asyncio.run(answer_all(asked, generator, Journal(Path(path)), in_flight=int(in_flight), retries=retries))

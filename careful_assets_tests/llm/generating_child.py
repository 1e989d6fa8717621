"""A process that generates until it is done or killed: URL JOURNAL REQUESTS IN_FLIGHT."""

import asyncio
import sys
from pathlib import Path

from careful_assets.llm.dispatch import answer_all
from careful_assets.llm.journal import Journal
from careful_assets_tests.llm.stubs import client, request

if __name__ == "__main__":
    url, path, count, in_flight = sys.argv[1:]
    asked = [request(index) for index in range(int(count))]
    asyncio.run(answer_all(asked, client(url), Journal(Path(path)), in_flight=int(in_flight)))

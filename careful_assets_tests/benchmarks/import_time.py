"""How long loading the code location takes, beside importing Dagster alone: run by `make bench`, asserted nowhere."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 7
PEER = "import dagster"
WORK = {
    "import careful_assets.definitions": "import careful_assets.definitions",
    "definitions, built": "import careful_assets.definitions as location; location.defs()",
}


def seconds(code: str) -> float:
    """Median wall time of a fresh interpreter that runs `code`, over RUNS runs."""
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main() -> None:
    """Print the medians and their ratio to the peer's."""
    seconds(PEER)  # fills the file cache
    peer = seconds(PEER)
    print(f"{PEER:<36} {peer:.2f} s")
    for name, code in WORK.items():
        took = seconds(code)
        print(f"{name:<36} {took:.2f} s, {took / peer:.2f} times the peer")


if __name__ == "__main__":
    main()

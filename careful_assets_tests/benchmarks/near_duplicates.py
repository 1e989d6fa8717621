"""Near copies by bands, beside datasketch, rensa and text-dedup: run by `make bench`, asserted nowhere.

Arguments: sizes, in rows, to run without the peers (default: the peers, then 100000, 1000000 and 10000000).
Rates do not contain compiling. Peers get the same 200,000 rows in the same run.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
import pyarrow as pa
from datasketch import MinHash, MinHashLSH

from careful_assets.text.buckets import Buckets
from careful_assets.text.flat_texts import FlatTexts
from careful_assets.text.minhash import near_components
from careful_assets.text.near import near_components as exact_components
from careful_assets.text.ngrams import character_shingles
from careful_assets.text.shingles import ShingleSets
from careful_assets_tests.benchmarks.near_joining import CHARACTERS, COPIES, PERMUTATIONS, Corpus, peak
from careful_assets_tests.benchmarks.peers.environments import HERE, Peer, PeerUnavailable, python_of

SIZES, PEERS_ROWS, AT_ONCE, WORDS = (100_000, 1_000_000, 10_000_000), 200_000, 100_000, 24
RENSA, TEXT_DEDUP = Peer("rensa 0.5.0", "rensa"), Peer("text-dedup 0.4.0", "text_dedup")
_TIMEOUT_S = 1_200


def write_corpus(path: Path, n: int) -> None:
    """An Arrow file of n rows of 110 characters; 15% are earlier ones of their 100,000 with 1 to 3 words changed."""
    vocabulary = Corpus(7)
    words = pl.Series(vocabulary.words)
    shares = np.diff(vocabulary.weights, prepend=0) / vocabulary.weights[-1]
    rng = np.random.default_rng(7)
    chunks = []
    for start in range(0, n, AT_ONCE):
        count = min(AT_ONCE, n - start)
        drawn = rng.choice(len(words), size=(count, WORDS), p=shares).astype(np.int32)
        for copy in np.flatnonzero(rng.random(count) < COPIES)[1:]:
            drawn[copy] = drawn[rng.integers(copy)]
            changed = rng.integers(17, size=rng.integers(1, 4))
            drawn[copy, changed] = rng.choice(len(words), size=len(changed))
        columns = [words.gather(drawn[:, column]).alias(str(column)) for column in range(WORDS)]
        rows = pl.DataFrame(columns).select(pl.concat_str(pl.all(), separator=" ").str.slice(0, CHARACTERS))
        chunks.append(rows.to_series().str.strip_chars().to_arrow(compat_level=pl.CompatLevel.oldest()))
    batch = pa.record_batch([pa.concat_arrays(chunks)], names=["text"])
    with pa.ipc.new_file(path, batch.schema) as out:
        out.write_batch(batch)


def read_corpus(path: Path) -> pa.LargeStringArray:
    """The rows, mapped into memory."""
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0).column(0)


def ours(texts: pa.LargeStringArray) -> tuple[float, np.ndarray]:
    """Seconds from the rows to the components, and these."""
    begun = time.perf_counter()
    flat = FlatTexts.of_arrow(texts)
    root = near_components(flat, Buckets(flat))
    return time.perf_counter() - begun, root


def alone(path: Path) -> None:
    """What a child of `main` prints: seconds on the clock and of processors, and the most memory it ever held."""
    ours(read_corpus(path).slice(0, 1_000))
    texts = read_corpus(path)
    repeats = 3 if len(texts) <= SIZES[1] else 1
    begun = time.process_time()
    runs = [ours(texts) for _ in range(repeats)]
    worked = (time.process_time() - begun) / repeats
    seconds, root = median(run[0] for run in runs), runs[0][1]
    joined = int((np.bincount(root, minlength=len(root))[root] > 1).sum())
    print(json.dumps({"seconds": seconds, "worked": worked, "peak": peak_of_this_program(), "joined": joined}))


def peak_of_this_program() -> int:
    """Most memory it ever held, in bytes; unlike `getrusage`'s figure, none of the parent that it was forked from."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return peak()
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def datasketches(rows: list[str]) -> tuple[float, np.ndarray]:
    """Seconds for signatures, index and a query a row, at its own bands for 0.7; and which rows have a candidate."""
    begun = time.perf_counter()
    signatures = MinHash.bulk([[s.encode() for s in character_shingles(row)] for row in rows], num_perm=PERMUTATIONS)
    index = MinHashLSH(threshold=0.7, num_perm=PERMUTATIONS)
    for key, signature in enumerate(signatures):
        index.insert(key, signature)
    flagged = np.array([len(index.query(signature)) > 1 for signature in signatures])
    return time.perf_counter() - begun, flagged


def in_its_own(peer: Peer, path: Path) -> dict[str, tuple[float, np.ndarray]]:
    """By way the seconds that the peer took in an environment of its own, and which rows it holds for near copies."""
    out = path.with_suffix(".json")
    command = [python_of(peer), HERE / f"{peer.name}_near.py", path, out]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode:
        raise PeerUnavailable(f"{peer.title} failed: {done.stderr[-500:]}")
    found = {}
    for way, measured in json.loads(out.read_text()).items():
        flagged = np.zeros(PEERS_ROWS, dtype=np.bool_)
        flagged[measured["flagged"]] = True
        found[f"{peer.title}, {way}"] = (measured["seconds"], flagged)
    return found


def beside_peers(folder: Path) -> None:
    """Print the ratio to each peer, with recall and precision over rows against all exact pairs."""
    path = folder / "peers.arrow"
    write_corpus(path, PEERS_ROWS)
    texts = read_corpus(path)
    rows = texts.to_pylist()
    exact = in_company(exact_components(ShingleSets.of(rows)))
    ours(texts)
    print(f"{PEERS_ROWS} rows, {exact.sum()} of them with a near copy:")
    runs: list[Callable[[], dict[str, tuple[float, np.ndarray]]]] = [
        lambda: {"datasketch": datasketches(rows)},
        lambda: in_its_own(RENSA, path),
        lambda: in_its_own(TEXT_DEDUP, path),
    ]
    for run in runs:
        before = [ours(texts) for _ in range(3)]
        try:
            measured = run()
        except (PeerUnavailable, subprocess.TimeoutExpired) as error:
            print(f"  {error}")
            continue
        # The machine's mood changes: its rate before and after the peer's run.
        own = median(seconds for seconds, _ in [*before, *(ours(texts) for _ in range(3))])
        print(f"  ours, around the next: {PEERS_ROWS / own:,.0f} rows/s, {agreement(in_company(before[0][1]), exact)}")
        for name, (seconds, flagged) in measured.items():
            print(f"  {name}: {PEERS_ROWS / seconds:,.0f} rows/s, {agreement(flagged, exact)}: "
                  f"ours is {seconds / own:.1f} times as fast")  # fmt: skip


def in_company(root: np.ndarray) -> np.ndarray:
    """By row whether its component holds another."""
    return np.bincount(root, minlength=len(root))[root] > 1


def agreement(flagged: np.ndarray, exact: np.ndarray) -> str:
    """Recall over rows that have a near copy, and precision."""
    both = (flagged & exact).sum()
    return f"recall {both / exact.sum():.4f}, precision {both / max(1, flagged.sum()):.4f}"


def by_size(folder: Path, sizes: list[int]) -> None:
    """Print rate and memory at each size, and the power of N that processor time grows with from the first on."""
    first: tuple[int, float] | None = None
    for n in sizes:
        path = folder / "alone.arrow"
        write_corpus(path, n)
        command = [sys.executable, "-m", __spec__.name, "alone", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
        told = json.loads(done.stdout)
        path.unlink()
        grown = (
            f", processor time grows with N^{math.log(told['worked'] / first[1], n / first[0]):.2f}" if first else ""
        )
        first = first or (n, told["worked"])
        print(f"{n} rows: {n / told['seconds']:,.0f} rows/s, {told['joined']} with a near copy, "
              f"{told['peak'] / 2**30:.2f} GiB at the peak{grown}")  # fmt: skip


def main() -> None:
    """Print the peers' table, then each size."""
    if sys.argv[1:2] == ["alone"]:
        alone(Path(sys.argv[2]))
        return
    sizes = [int(size) for size in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        if not sizes:
            beside_peers(Path(folder))
        by_size(Path(folder), sizes or list(SIZES))


if __name__ == "__main__":
    main()

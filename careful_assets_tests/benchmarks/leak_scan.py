"""Rows held against sealed ones, beside datatrove's n-gram decontamination: run by `make bench`, asserted nowhere.

Arguments: numbers of rows to scan, each in a process of its own (default: the peer, then 1000000 and 10000000).
Rates do not contain compiling, but do contain the index. The peer gets 200,000 of the same rows, and ours are scanned
twice: by the text detectors alone, and with the embedder on what they did not flag.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from careful_assets.text.embedders.tfidf_svd import TfidfSvd
from careful_assets.text.leaks.containment import ContainmentDetector
from careful_assets.text.leaks.embedding import EmbeddingDetector
from careful_assets.text.leaks.exact import ExactDetector
from careful_assets.text.leaks.near import NearDuplicateDetector
from careful_assets.text.leaks.ngrams import NgramDetector
from careful_assets.text.leaks.protocol import Detector
from careful_assets.text.leaks.scan import LeakScan, Scanned
from careful_assets.text.leaks.skeleton import SkeletonDetector
from careful_assets_tests.benchmarks.near_duplicates import peak_of_this_program, write_corpus
from careful_assets_tests.benchmarks.peers.environments import HERE, Peer, PeerUnavailable, python_of

SEALED, SIZES, PEERS_ROWS, AT_ONCE, PLANTED = 20_000, (1_000_000, 10_000_000), 200_000, 100_000, 0.01
DATATROVE = Peer("datatrove 0.10.1", "datatrove")
_TIMEOUT_S = 3_600


def sealed_rows(folder: Path, first: int = 0) -> pl.Series:
    """20,000 rows of the corpus of `near_duplicates`, from the `first` on."""
    path = folder / "sealed.arrow"
    if not path.is_file():
        write_corpus(path, AT_ONCE)
    batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
    return pl.Series("text", pl.from_arrow(batch)["text"].slice(first, SEALED))  # type: ignore[index]


def rows(sealed: pl.Series, n: int) -> Iterator[pl.DataFrame]:
    """Batches of rows whose words are shuffled ones of the corpus; one in a hundred is a sealed one in disguise."""
    words = pl.Series(sorted({word for row in sealed.head(5_000).to_list() for word in row.split()}, key=len))
    shares = 1 / (np.arange(len(words)) + 2.7)
    for start in range(0, n, AT_ONCE):
        rng = np.random.default_rng(start + 1)
        count = min(AT_ONCE, n - start)
        drawn = rng.choice(len(words), size=(count, 24), p=shares / shares.sum())
        columns = [words.gather(drawn[:, column]).alias(str(column)) for column in range(24)]
        texts = pl.DataFrame(columns).select(pl.concat_str(pl.all(), separator=" ").str.slice(0, 110)).to_series()
        leaks = np.flatnonzero(rng.random(count) < PLANTED)
        own = [_disguised(sealed[int(rng.integers(len(sealed)))], kind) for kind in rng.integers(4, size=len(leaks))]
        texts = texts.scatter(leaks, pl.Series(own, dtype=pl.String))
        ids = pl.Series([f"{'leak' if planted else 'row'}{place + start}" for place, planted in enumerate(
            np.isin(np.arange(count), leaks).tolist())])  # fmt: skip
        yield pl.DataFrame({"row_id": ids, "text": texts})


def _disguised(text: str, kind: int) -> str:
    words = text.split()
    middle = len(words) // 2
    return (
        text, text.upper() + "!", " ".join([*words[:middle], "swapped", *words[middle + 1 :]]),
        " ".join(["something", "before", "it", *words, "and", "behind"]),
    )[kind]  # fmt: skip


def ours(sealed: pl.Series, asked: Iterator[pl.DataFrame], open_rows: list[str] | None) -> Scanned:
    """All text detectors in one scan; where there are open rows, with the embedder that is fitted to them."""
    detectors: list[Detector] = [
        ExactDetector(), NgramDetector(8, 300, []), NgramDetector(13, 300, []), NearDuplicateDetector(500),
        ContainmentDetector(700), SkeletonDetector(),
    ]  # fmt: skip
    if open_rows is not None:
        detectors.append(EmbeddingDetector(TfidfSvd(open_rows), 300, open_rows))
    return LeakScan(detectors, _TIMEOUT_S).run(sealed, asked)


def alone(folder: Path, n: int, embedding: bool) -> None:
    """What a child prints: seconds without making rows, peak of memory, planted leaks, found ones, others flagged."""
    sealed = sealed_rows(folder)
    open_rows = sealed_rows(folder, SEALED).to_list() if embedding else None
    ours(sealed.head(2_500), rows(sealed, 200), open_rows)
    making, planted = 0.0, 0

    def timed() -> Iterator[pl.DataFrame]:
        nonlocal making, planted
        batches = rows(sealed, n)
        while True:
            begun = time.perf_counter()
            batch = next(batches, None)
            making += time.perf_counter() - begun
            if batch is None:
                return
            planted += int(batch["row_id"].str.starts_with("leak").sum())
            yield batch

    begun = time.perf_counter()
    scanned = ours(sealed, timed(), open_rows)
    seconds = time.perf_counter() - begun - making
    if not scanned.runs["ran"].all():
        raise RuntimeError(f"a detector did not run: {scanned.runs}")
    ids = scanned.found["row_id"].unique()
    told = {"seconds": seconds, "peak": peak_of_this_program(), "planted": planted}
    leaks = int(ids.str.starts_with("leak").sum())
    (folder / "found.json").write_text(json.dumps(ids.to_list() if n <= PEERS_ROWS else []))
    print(json.dumps({**told, "found": leaks, "others": len(ids) - leaks}))


def scanned_alone(folder: Path, n: int, embedding: bool = False) -> dict[str, float]:
    """`alone` in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, "alone", str(folder), str(n), *(["embedding"] if embedding else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    told: dict[str, float] = json.loads(done.stdout)
    how = ", with the embedder" if embedding else ""
    print(f"{n} rows against {SEALED}{how}: {n / told['seconds']:,.0f} rows/s, "
          f"{told['found']:.0f} of {told['planted']:.0f} planted leaks found, {told['others']:.0f} others flagged, "
          f"{told['peak'] / 2**20:,.0f} MiB at the peak")  # fmt: skip
    return told


def beside_datatrove(folder: Path) -> None:
    """Print the ratio to the peer, and how many planted leaks it finds that we do not."""
    embedded = scanned_alone(folder, PEERS_ROWS, embedding=True)
    own = scanned_alone(folder, PEERS_ROWS)
    found = set(json.loads((folder / "found.json").read_text()))
    sealed = sealed_rows(folder)
    asked = pl.concat(rows(sealed, PEERS_ROWS))
    for name, texts in (("index", sealed), ("rows", asked["text"])):
        pl.DataFrame({"text": texts}).write_ipc(folder / f"{name}.arrow", compat_level=pl.CompatLevel.oldest())
    out = folder / "peer.json"
    files = [folder / "index.arrow", folder / "rows.arrow", out]
    command = [python_of(DATATROVE), HERE / "datatrove_leaks.py", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode:
        raise PeerUnavailable(f"{DATATROVE.title} failed: {done.stderr[-500:]}")
    told = json.loads(out.read_text())
    theirs = {one for one in asked["row_id"].gather(told["flagged"]).to_list() if one.startswith("leak")}
    print(f"  {DATATROVE.title}: {PEERS_ROWS / told['seconds']:,.0f} rows/s, {len(theirs)} planted leaks found, "
          f"{len(theirs - found)} of them not by ours: ours is {told['seconds'] / own['seconds']:.1f} times as fast, "
          f"with the embedder {told['seconds'] / embedded['seconds']:.1f} times")  # fmt: skip


def main() -> None:
    """Print the peer's line, then each size with its memory."""
    if sys.argv[1:2] == ["alone"]:
        alone(Path(sys.argv[2]), int(sys.argv[3]), embedding=sys.argv[4:] == ["embedding"])
        return
    sizes = [int(size) for size in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not sizes:
            try:
                beside_datatrove(folder)
            except (PeerUnavailable, subprocess.TimeoutExpired) as error:
                print(f"  {error}")
        peaks = [scanned_alone(folder, size)["peak"] for size in sizes or SIZES]
        print(f"memory at the largest: {peaks[-1] / peaks[0]:.2f} times that at the smallest")


if __name__ == "__main__":
    main()

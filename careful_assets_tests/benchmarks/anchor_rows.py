"""How much memory the anchors stage takes for many rows: read, held against a contract, joined, dealt out, sealed.

`python -m careful_assets_tests.benchmarks.anchor_rows 10000000` makes a Parquet file of that many rows of about 110
characters, of which 15% are copies of others, and takes it through the whole stage in a process of its own. The limit
for ten million rows is 4 GiB. A hundredth of the groups is sealed. Groups are joined by equal texts (`join: exact`) or,
with `near` as second argument, by near copies as well: two copies in three then have their last word exchanged.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 1_000_000
LIMIT_GIB = 4.0
_AT_ONCE = 200_000
_COPIES = 0.15
_LABELS = ["bad", "fair", "good"]
_SUITE = {
    "name": "rows",
    "expectations": [
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "text"}},
        {"type": "expect_column_value_lengths_to_be_between", "kwargs": {"column": "text", "min_value": 1}},
        {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "label", "value_set": _LABELS}},
        {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "id", "regex": "^r\\d+$"}},
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "stars", "min_value": 1, "max_value": 5}},
    ],
}  # fmt: skip


def make_rows(path: Path, rows: int, join: str, seed: int = 1) -> None:
    """A Parquet file of rows of three labels; a copy repeats the text of some other row, or nearly so (`near`)."""
    rng = np.random.Generator(np.random.PCG64(seed))
    words = np.array(
        ["".join(rng.choice(list("abcdefghijklmnoprstuvw"), size=rng.integers(3, 9))) for _ in range(5000)]
    )
    weights = 1 / np.arange(1, 5001)
    weights /= weights.sum()
    names = ["id", "customer", "text", "label", "stars"]
    schema = pa.schema([(name, pa.int64() if name == "stars" else pa.string()) for name in names])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, _AT_ONCE):
            count = min(_AT_ONCE, rows - start)
            picks = words[rng.choice(5000, size=(count, 15), p=weights)]
            texts = [f"{' '.join(line)} {start + number}" for number, line in enumerate(picks)]
            for copy in np.flatnonzero(rng.random(count) < _COPIES):
                text = texts[rng.integers(count)]
                nearly = join == "near" and copy % 3
                texts[copy] = f"{text.rpartition(' ')[0]} {start + copy}" if nearly else text
            numbers = np.arange(start, start + count)
            columns = [
                [f"r{number}" for number in numbers],
                [f"c{number}" for number in rng.integers(max(1, rows // 3), size=count)],
                texts,
                [_LABELS[number % 3] for number in numbers],
                rng.integers(1, 6, size=count),
            ]
            writer.write_table(pa.table([pa.array(column) for column in columns], schema=schema))


def measure(folder: Path, join: Literal["near", "exact"]) -> None:
    """The stage over the folder's file, in this process; prints what it came to."""
    from careful_assets.anchors.stage import seal_and_split
    from careful_assets.card.anchors import Columns, FileSource, Split
    from careful_assets.catalogue import requirements_of
    from careful_assets.operations.datasets import dataset_named
    from careful_assets.provenance.stage import StageContext, run_stage
    from careful_assets.warehouse.home import Home
    from careful_assets.warehouse.vault import VaultSealer
    from careful_assets_tests.cli.projects import NAME, make_project

    loaded = dataset_named(make_project(folder / "project"), NAME)
    rows, suite = folder / "rows.parquet", folder / "expectations.json"
    suite.write_text(json.dumps(_SUITE))
    with rows.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    source = FileSource(
        kind="parquet",
        path=str(rows),
        sha256=digest,
        columns=Columns(text="text", label="label", key="id", group="customer"),
    )
    split = Split(salt="s", exemplar=4, train=90, holdout=5, vault=1, join=join)
    anchors = loaded.card.anchors.model_copy(update={"source": source, "split": split})
    card = loaded.card.model_copy(update={"anchors": anchors})
    loaded = replace(loaded, card=card, contract=suite, contract_sha256="0" * 64)
    home = Home(folder / "home")
    context = StageContext(loaded, home, "run", requirements_of(loaded), print)
    sealer = VaultSealer(home.vault(NAME), home.warehouse(NAME), "run")
    made = run_stage(context, "anchors", lambda given, inputs: seal_and_split(given, inputs, sealer))
    sealed, joined = made.metadata["sealed real rows"], made.metadata["joined groups"]
    print(f"open rows {made.rows:,}; sealed {sealed:,}; joined: {joined}")


def main() -> None:
    """Make the rows, run the stage in a child, and tell its memory."""
    join: Literal["near", "exact"] = "near" if "near" in sys.argv[2:3] else "exact"
    if len(sys.argv) > 3:
        measure(Path(sys.argv[3]), join)
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as folder:
        make_rows(Path(folder) / "rows.parquet", rows, join)
        command = [sys.executable, "-m", __spec__.name if __spec__ else "", str(rows), join, folder]
        start = time.monotonic()
        subprocess.run(command, check=True, env=os.environ | {"GX_ANALYTICS_ENABLED": "false"})
        seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"anchors, {rows:,} rows, joined by {join} copies: peak {peak:.2f} GiB, {rows / seconds:,.0f} rows/s")
    if rows <= 10_000_000 and peak > LIMIT_GIB:
        sys.exit(f"more than {LIMIT_GIB} GiB")


if __name__ == "__main__":
    main()

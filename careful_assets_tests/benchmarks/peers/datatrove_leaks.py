"""Run by datatrove's own Python: its n-gram decontamination, 12-grams as it comes; imports nothing of ours.

Its indexer's `run` demands lighteval for tasks that nobody asks about; its own `compute_hashes` makes the same file.
Timed: the index, and the filter over all rows.

Arguments: an Arrow file with the column `text` of sealed rows, one of rows, the file for `{"seconds", "flagged"}`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.decont.n_grams import NGramsDecontFilter, NGramsDecontIndexer


def texts(path):
    with pa.memory_map(path) as source:
        return pa.ipc.open_file(source).read_all()["text"].to_pylist()


def main() -> None:
    """Once."""
    sealed, rows = texts(sys.argv[1]), texts(sys.argv[2])
    NGramsDecontIndexer._requires_dependencies = []
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        indexer = NGramsDecontIndexer(folder)
        hashes = {digest for row in sealed for digest in indexer.compute_hashes(row)}
        np.array(list(hashes), dtype=indexer.config.hash_config.np_descr).tofile(f"{folder}/sealed.index.hashes")
        decontaminate = NGramsDecontFilter(folder)
        flagged = [
            place
            for place, row in enumerate(rows)
            if decontaminate.filter(Document(text=row, id=str(place))) is not True
        ]
        seconds = time.perf_counter() - begun
    Path(sys.argv[3]).write_text(json.dumps({"seconds": seconds, "flagged": flagged}))


if __name__ == "__main__":
    main()

"""Run by text-dedup's own Python: its `minhash` script as it comes, at 128 permutations; imports nothing of ours.

Its own way: word 5-grams, bands by its weights of false positives and negatives, all processors, no verification.
Timed, by its own timer: hashing and clustering, without loading, filtering and saving.

Arguments: an Arrow file with the column `text`, and the file for `{"minhash": {"seconds": ..., "flagged": [...]}}`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path


def main() -> None:
    """Run the script, and read its timer and its union-find."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(HF_HOME=folder, HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
        import pyarrow as pa
        import pyarrow.parquet as pq
        from text_dedup import logger, minhash

        lines = []
        handler = logging.Handler()
        handler.emit = lambda record: lines.append(record.getMessage())
        logger.addHandler(handler)
        with pa.memory_map(sys.argv[1]) as source:
            table = pa.ipc.open_file(source).read_all()
        pq.write_table(table, f"{folder}/rows.parquet")
        arguments = {
            "path": "parquet", "data_files": f"{folder}/rows.parquet", "split": "train", "column": "text",
            "num_perm": "128", "threshold": "0.7", "cache_dir": f"{folder}/cache", "output": f"{folder}/out",
        }  # fmt: skip
        minhash.main([word for key, value in arguments.items() for word in (f"--{key}", value)], standalone_mode=False)
    timed = dict(line.split(":", 1) for line in lines if ":" in line)
    seconds = sum(
        float(value.strip(" s")) for key, value in timed.items() if key.strip() in ("MinHashing", "Clustering")
    )
    roots = [minhash.uf.find(i) for i in range(table.num_rows)]
    sizes = Counter(roots)
    flagged = [i for i, root in enumerate(roots) if sizes[root] > 1]
    Path(sys.argv[2]).write_text(json.dumps({"minhash": {"seconds": seconds, "flagged": flagged}}))


if __name__ == "__main__":
    main()

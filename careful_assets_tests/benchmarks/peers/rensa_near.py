"""Run by rensa's own Python: its MinHash over character 5-grams, three ways; imports nothing of ours.

Timed: from the rows as strings, until it is known which rows resemble another. Bulk and rho are its documented ways
for many rows at once, which give a flag a row and no pairs; queries name the candidates. It verifies none of them.

Arguments: an Arrow file with the column `text`, and the file for `{"way": {"seconds": ..., "flagged": [...]}}`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pyarrow as pa
import rensa

PERMUTATIONS, BANDS, SEED = 128, 32, 42


def shingles(rows):
    return [{row[place : place + 5] for place in range(max(1, len(row) - 4))} for row in rows]


def bulk(rows):
    matrix = rensa.RMinHash.digest_matrix_from_token_sets(shingles(rows), PERMUTATIONS, SEED)
    return rensa.RMinHashLSH(0.7, PERMUTATIONS, BANDS).query_duplicate_flags_matrix_one_shot(matrix)


def rho(rows):
    matrix = rensa.RMinHash.digest_matrix_from_token_sets_rho(shingles(rows), PERMUTATIONS, SEED)
    return rensa.RMinHashLSH(0.7, PERMUTATIONS, BANDS).query_duplicate_flags_matrix_one_shot(matrix)


def queries(rows):
    signatures = rensa.RMinHash.from_token_sets(shingles(rows), PERMUTATIONS, SEED)
    index = rensa.RMinHashLSH(0.7, PERMUTATIONS, BANDS)
    for key, signature in enumerate(signatures):
        index.insert(key, signature)
    return [len(index.query(signature)) > 1 for signature in signatures]


def main() -> None:
    """Each way once."""
    with pa.memory_map(sys.argv[1]) as source:
        rows = pa.ipc.open_file(source).read_all()["text"].to_pylist()
    found = {}
    for way in (bulk, rho, queries):
        begun = time.perf_counter()
        flags = way(rows)
        seconds = time.perf_counter() - begun
        found[way.__name__] = {"seconds": seconds, "flagged": [i for i, flag in enumerate(flags) if flag]}
    Path(sys.argv[2]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()

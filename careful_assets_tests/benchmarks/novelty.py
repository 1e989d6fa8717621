"""Novelty by ROUGE-L beside comparing each row with the whole pool: run by `make bench`, asserted nowhere."""

from __future__ import annotations

import time

import numpy as np
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cdist

from careful_assets.text.normalize import tokens
from careful_assets.text.novelty import FEWEST_TOKENS, novelty
from careful_assets_tests.benchmarks.near_joining import COPIES, ROWS, TEMPLATE_ROWS, Corpus

EQUAL_ROWS, THOUSANDTHS = 3_000, 700


def ours(rows: list[str]) -> tuple[float, list[int | None]]:
    """Seconds, and by row the place of its match."""
    begun = time.perf_counter()
    verdicts = novelty(rows, thousandths=THOUSANDTHS)
    return time.perf_counter() - begun, [verdict.match and verdict.match.place for verdict in verdicts]


def by_all_pairs(rows: list[str]) -> tuple[float, int, list[int | None]]:
    """Seconds, pairs compared, and by row the place of its match. A word is a letter here: rapidfuzz is fastest so."""
    begun = time.perf_counter()
    numbers: dict[str, str] = {}
    words = [[numbers.setdefault(word, chr(len(numbers))) for word in tokens(row)] for row in rows]
    pool: list[int] = []
    letters: list[str] = []
    sizes = np.zeros(len(rows), dtype=np.int64)
    pairs, matches = 0, []
    for place, row in enumerate(map("".join, words)):
        match = None
        if pool and len(row) >= FEWEST_TOKENS:
            shared = cdist([row], letters, scorer=LCSseq.similarity, dtype=np.int64)[0]
            both = len(row) + sizes[: len(pool)]
            best = int(np.argmax(shared / both))
            match = pool[best] if 2000 * shared[best] >= THOUSANDTHS * both[best] else None
            pairs += len(pool)
        if match is None:
            sizes[len(pool)] = len(row)
            pool.append(place)
            letters.append(row)
        matches.append(match)
    return time.perf_counter() - begun, pairs, matches


def main() -> None:
    """Print both corpora's seconds, and the ratio to all pairs: measured on few rows, reckoned on all."""
    ours(["warm", "up"])
    rows = Corpus(7).rows()
    took, matches = ours(rows)
    let_in = sum(match is None for match in matches)
    few, _ = ours(rows[:EQUAL_ROWS])
    brute, pairs, expected = by_all_pairs(rows[:EQUAL_ROWS])
    equal = "the same matches" if ours(rows[:EQUAL_ROWS])[1] == expected else "OTHER MATCHES"
    reckoned = brute / pairs * ROWS * let_in / 2
    print(f"novelty, {ROWS} rows with {COPIES:.0%} near copies: {took:.1f} s, {let_in} let in; "
          f"all pairs would take {reckoned:,.0f} s: {reckoned / took:.0f} times as fast")  # fmt: skip
    print(f"{EQUAL_ROWS} rows: {equal} as by all pairs, {brute / few:.0f} times as fast")
    took, _ = ours(Corpus(7).rows(TEMPLATE_ROWS))
    print(f"{ROWS} rows, {TEMPLATE_ROWS:.0%} of them of templates: {took:.1f} s")


if __name__ == "__main__":
    main()

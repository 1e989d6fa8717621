"""Near copies joined exactly, beside datasketch's MinHashLSH: run by `make bench`, asserted nowhere."""

from __future__ import annotations

import random
import resource
import sys
import time
from itertools import accumulate

import numpy as np
from datasketch import MinHash, MinHashLSH

from careful_assets.text.near import near_components, near_pairs
from careful_assets.text.ngrams import character_shingles
from careful_assets.text.shingles import ShingleSets

ROWS, PEERS_ROWS, CHARACTERS = 100_000, 20_000, 110
COPIES, TEMPLATES, TEMPLATE_ROWS = 0.15, 20, 0.3
PERMUTATIONS = 128
_ONSETS = ("b", "c", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "st", "tr", "pl", "sh", "th")
_VOWELS = ("a", "e", "i", "o", "u", "ea", "ou", "er", "in", "on")


class Corpus:
    """Rows of about 110 characters: made-up words, drawn about as often as a language's are (Zipf-Mandelbrot)."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        made = {self._word() for _ in range(20_000)}
        self.words = sorted(made, key=lambda word: (len(word), word))  # frequent words are short
        self.weights = list(accumulate(1 / (rank + 2.7) for rank in range(len(self.words))))

    def rows(self, template_rows: float = 0) -> list[str]:
        """New sentences, copies with one to three words changed, and templates filled in with a number."""
        frames = [self._sentence() for _ in range(TEMPLATES)]
        rows = [self._sentence()]
        while len(rows) < ROWS:
            kind = self.rng.random()
            if kind < COPIES:
                rows.append(self._copy(self.rng.choice(rows)))
            elif kind < COPIES + template_rows:
                frame = self.rng.choice(frames)
                rows.append(f"{frame[:40]} {self.rng.randrange(100_000):05} {frame[40:]}")
            else:
                rows.append(self._sentence())
        return rows

    def _word(self) -> str:
        syllables = self.rng.choice([1, 1, 2, 2, 2, 3, 3, 4])
        return "".join(self.rng.choice(_ONSETS) + self.rng.choice(_VOWELS) for _ in range(syllables))

    def _drawn(self) -> str:
        return self.rng.choices(self.words, cum_weights=self.weights)[0]

    def _sentence(self) -> str:
        words = [self._drawn()]
        while sum(map(len, words)) + len(words) <= CHARACTERS:
            words.append(self._drawn())
        return " ".join(words)

    def _copy(self, row: str) -> str:
        words = row.split(" ")
        for _ in range(self.rng.randint(1, 3)):
            words[self.rng.randrange(len(words))] = self._drawn()
        return " ".join(words)


def ours(rows: list[str]) -> tuple[float, float]:
    """Seconds for the sets, and for the components."""
    begun = time.perf_counter()
    sets = ShingleSets.of(rows)
    cut = time.perf_counter()
    near_components(sets)
    return cut - begun, time.perf_counter() - cut


def datasketches(rows: list[str]) -> tuple[float, set[tuple[int, int]]]:
    """Seconds for the signatures, the index and one query a row; and the pairs of candidates, not verified."""
    begun = time.perf_counter()
    shingles = [[shingle.encode() for shingle in character_shingles(row)] for row in rows]
    signatures = MinHash.bulk(shingles, num_perm=PERMUTATIONS)
    index = MinHashLSH(threshold=0.7, num_perm=PERMUTATIONS)
    for key, signature in enumerate(signatures):
        index.insert(key, signature)
    pairs = {(key, other) for key, signature in enumerate(signatures) for other in index.query(signature)}
    return time.perf_counter() - begun, pairs


def peak() -> int:
    """Most memory this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Print both corpora's rates and memory, and the ratio to the peer with the pairs that it misses."""
    ours(["warm", "up"])
    rows = Corpus(7).rows()
    before = peak()
    cut, joined = ours(rows)
    print(f"{ROWS} rows: {ROWS / (cut + joined):,.0f} rows/s (sets {cut:.1f} s, components {joined:.1f} s), "
          f"{(peak() - before) / 2**20:,.0f} MiB more at the peak")  # fmt: skip
    cut, joined = ours(Corpus(7).rows(TEMPLATE_ROWS))
    print(f"the same with {TEMPLATE_ROWS:.0%} rows of {TEMPLATES} templates: {ROWS / (cut + joined):,.0f} rows/s "
          f"(sets {cut:.1f} s, components {joined:.1f} s)")  # fmt: skip

    few = rows[:PEERS_ROWS]
    took, candidates = datasketches(few)
    own = sum(ours(few))
    everything = np.arange(len(few))
    i, j = near_pairs(ShingleSets.of(few), everything, everything)
    near = set(zip(i.tolist(), j.tolist(), strict=True))
    print(f"{PEERS_ROWS} rows: ours {own:.2f} s, datasketch {took:.1f} s: {took / own:.0f} times as fast; "
          f"datasketch misses {len(near - candidates) // 2} of {len(near) // 2} near pairs")  # fmt: skip


if __name__ == "__main__":
    main()

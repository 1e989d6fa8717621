"""The shingles of many texts as flat arrays of hashes: what near copies are found by, and a vault's fingerprints.

Belongs here: cutting normal forms into shingles and hashing them, many at once; walking flat arrays in parts
of bounded size. Does not belong here: comparing the sets (`near`), and one text's shingles as strings
(`ngrams`), which these sets mirror.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from careful_assets.text.ngrams import SHINGLE_CHARACTERS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Characters cut up at once, each text counted with 16 more: about 15 MB of arrays, and at most 2^14 texts, whose
# numbers fit the 16 bits that numpy sorts by radix.
_AT_ONCE = 1 << 18
_PER_TEXT = 16


@dataclass(frozen=True, eq=False)
class ShingleSets:
    """The set of shingle hashes of each of n texts.

    Attributes:
        offsets: int64[n + 1]; text i's hashes are `hashes[offsets[i]:offsets[i + 1]]`.
        hashes: int64, distinct and ascending within a text.
    """

    offsets: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str] | pl.Series) -> ShingleSets:
        """The sets of texts that are already in normal form (`normalize`), cut as `character_shingles` cuts.

        Each run of 5 code points is a shingle; a shorter text is its own one shingle; an empty text has none. A
        shingle's hash depends on its code points alone, hence the same in every text, process, machine and version:
        the first three code points and the last two, each plus one (0 where a short text has none), are packed into
        21 bits each; SplitMix64's finalizer (Steele, Lea & Flood 2014, OOPSLA) mixes the three, their sum with the
        two is mixed again, and the 64 bits are read as signed. Of n distinct shingles two share a hash with a
        probability of about n²/2^65. It withstands chance, not an adversary.

        Memory beyond the result (8 bytes a shingle, held twice while its parts are put together): about 15 MB or,
        if that is more, 45 bytes a character of the longest text.

        Raises:
            TypeError: a text is None or no string.
        """
        import numpy as np  # loading the definitions must not wait for it

        texts = list(texts)
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        sizes, hashes = [np.zeros(1, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for start, stop in parts(lengths + _PER_TEXT, _AT_ONCE):
            distinct, found = _shingles("".join(texts[start:stop]), lengths[start:stop])
            sizes.append(distinct)
            hashes.append(found)
        return cls(np.cumsum(np.concatenate(sizes)), np.concatenate(hashes))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """int64[n]: how many distinct shingles each text has."""
        return self.offsets[1:] - self.offsets[:-1]

    def frame(self, ids: Sequence[int] | pl.Series) -> pl.DataFrame:
        """One row a shingle: `ref` (Int64; the text's id) and `hash` (Int64). A text without shingles has no row.

        Raises:
            ValueError: not one id a text.
        """
        import numpy as np

        refs = pl.Series("ref", ids, dtype=pl.Int64)
        if len(refs) != len(self):
            raise ValueError(f"{len(self)} texts need as many ids, not {len(refs)}")
        return pl.DataFrame({"ref": np.repeat(refs.to_numpy(), self.sizes), "hash": self.hashes})


def parts(costs: npt.NDArray[np.int64], at_once: int) -> Iterator[tuple[int, int]]:
    """Consecutive (start, stop) over all costs: each part costs at most `at_once` or holds a single item."""
    import numpy as np

    ends = np.cumsum(costs)
    start = 0
    while start < len(costs):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + at_once, side="right")))
        yield start, stop
        start = stop


def runs(starts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The places start, start + 1, ... of each run, `counts` of them, one run after another."""
    import numpy as np

    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - ends + counts, counts) + np.arange(total)


def _shingles(joined: str, lengths: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """By text its number of distinct hashes; and the hashes, ascending within each text."""
    import numpy as np

    # A short text is filled up with zeros, which no code point plus one is.
    widths = np.where(lengths > 0, np.maximum(lengths, SHINGLE_CHARACTERS), 0)
    places = np.cumsum(widths) - widths
    codes = np.zeros(int(widths.sum()), dtype=np.uint64)
    codes[runs(places, lengths)] = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    codes[runs(places, lengths)] += np.uint64(1)

    counts = np.maximum(widths - (SHINGLE_CHARACTERS - 1), 0)
    hashes = _hashes(codes)[runs(places, counts)]
    owners = np.repeat(np.arange(len(lengths), dtype=np.uint16), counts)
    order = np.argsort(hashes)
    order = order[np.argsort(owners[order], kind="stable")]
    hashes = hashes[order]
    # Sorting leaves the owners as they are: each has as many places as before.
    first = np.ones(len(hashes), dtype=np.bool_)
    first[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    return np.bincount(owners[first], minlength=len(lengths)), hashes[first]


def _hashes(codes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The hash of each five codes in a row; int64[max(0, n - 4)]."""
    import numpy as np

    one, two = np.uint64(21), np.uint64(42)
    head = codes[:-4] | codes[1:-3] << one | codes[2:-2] << two
    tail = codes[3:-1] | codes[4:] << one
    return _mixed(_mixed(head) + tail).view(np.int64)


def _mixed(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's finalizer: a bijection after which every bit depends on every bit."""
    import numpy as np

    bits = (bits ^ bits >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ bits >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return bits ^ bits >> np.uint64(31)

"""Texts made ready once for all detectors: as they stand, in normal form, and in hashed words.

Belongs here: what more than one detector needs of a text. Does not belong here: what only one does, and the compiled
loops (`words_kernel`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from careful_assets.text.flat_texts import FlatTexts
from careful_assets.text.normalize import normalize, word_spans
from careful_assets.text.shingles import runs
from careful_assets.text.skeleton import skeleton

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Words:
    """The words of n texts, those of `normalize.tokens`.

    Attributes:
        offsets: int64[n + 1]; text i's words are those from `offsets[i]` to `offsets[i + 1]`.
        hashes: uint64, of the word's bytes in UTF-8.
        starts, stops: int64, where in the text's normal form the word lies, in characters.
    """

    offsets: Ints
    hashes: npt.NDArray[np.uint64]
    starts: Ints
    stops: Ints


@dataclass(frozen=True, eq=False)
class Prepared:
    """n texts. `texts`: as they were given; what is derived from them is made when it is first asked for."""

    texts: pl.Series

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def normal(self) -> FlatTexts:
        """Their normal forms. ASCII ones are made by a kernel, others by `normalize` itself.

        Raises:
            TypeError: a text is None or no string.
        """
        from careful_assets.text.leaks import words_kernel as kernel

        return _made(self.texts, kernel.write_normal, normalize)

    @cached_property
    def skeletons(self) -> FlatTexts:
        """Their skeletons (`text.skeleton`), in UTF-8. ASCII texts' are made by a kernel, others by `skeleton` itself.

        Raises:
            TypeError: a text is None or no string.
        """
        from careful_assets.text.leaks import skeleton_kernel as kernel

        return _made(self.texts, kernel.write_folded, skeleton)

    @cached_property
    def words(self) -> Words:
        """The words of each."""
        import numpy as np

        from careful_assets.text.leaks import words_kernel as kernel

        normal = self.normal
        counts = np.zeros(len(normal), dtype=np.int64)
        kernel.count_words(normal.data, normal.offsets, counts)
        foreign = counts < 0
        spans = [_spans(normal, text) for text in np.flatnonzero(foreign).tolist()]
        counts[foreign] = [len(some) for some, _ in spans]
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
        total = int(offsets[-1])
        hashes, starts, stops = np.empty(total, dtype=np.uint64), *np.empty((2, total), dtype=np.int64)
        kernel.write_words(
            normal.data, normal.offsets, foreign.astype(np.uint8), offsets[:-1].copy(), hashes, starts, stops
        )
        if spans:
            places = runs(offsets[:-1][foreign], counts[foreign])
            flat = FlatTexts.of([word for _, words in spans for word in words])
            own = np.empty(len(flat), dtype=np.uint64)
            kernel.write_hashes(flat.data, flat.offsets, own)
            hashes[places] = own
            starts[places] = [start for some, _ in spans for start, _ in some]
            stops[places] = [stop for some, _ in spans for _, stop in some]
        return Words(offsets, hashes, starts, stops)

    @cached_property
    def word_counts(self) -> Ints:
        """int64[n]: how many words each has."""
        return self.words.offsets[1:] - self.words.offsets[:-1]

    def of(self, places: Ints) -> Prepared:
        """Some of them, in the order of `places`."""
        return Prepared(self.texts.gather(pl.Series(places)))


def _made(texts: pl.Series, write: Callable[..., int], otherwise: Callable[[str], str]) -> FlatTexts:
    """What a kernel writes of ASCII texts, and Python of the others, in the texts' order.

    `write`: as `words_kernel.write_normal`.
    """
    import numpy as np

    from careful_assets.text.leaks import words_kernel as kernel

    given = FlatTexts.of(texts)
    plain, ends = np.empty(int(given.sizes.sum()), dtype=np.uint8), np.zeros(len(given) + 1, dtype=np.int64)
    write(given.data, given.offsets, plain, ends)
    others = [otherwise(text) for text in texts.gather(pl.Series(np.flatnonzero(ends[1:] < 0))).to_list()]
    if others:
        other = FlatTexts.of(others)
        offsets = np.zeros(len(ends), dtype=np.int64)
        data = np.empty(int(np.where(ends < 0, -1 - ends, ends)[-1]) + len(other.data), dtype=np.uint8)
        kernel.put_in(plain, ends, other.data, other.offsets, data, offsets)
    else:
        data, offsets = plain[: ends[-1]].copy(), ends
    data.flags.writeable = offsets.flags.writeable = False
    return FlatTexts(offsets, data)


def _spans(normal: FlatTexts, text: int) -> tuple[list[tuple[int, int]], list[str]]:
    """Where in one normal form its words lie, and these."""
    form = normal.text(text)
    spans = word_spans(form)
    return spans, [form[start:stop] for start, stop in spans]

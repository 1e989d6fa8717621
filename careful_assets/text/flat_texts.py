"""Many texts as one buffer: what the kernels read without making a Python string a row.

Belongs here: getting texts into and out of that form. Does not belong here: what is computed over them.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import polars as pl

from careful_assets.text.shingles import parts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class FlatTexts:
    """n texts in UTF-8, one after another.

    Attributes:
        offsets: int64[n + 1]; text i is `data[offsets[i]:offsets[i + 1]]`.
        data: uint8. Bytes outside of the offsets' range belong to nobody.

    Both are read-only, however they were made: the kernels are compiled once for arrays of either kind.
    """

    offsets: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, texts: Sequence[str] | pl.Series) -> FlatTexts:
        """The buffer of these texts; a series' own where it already lies in that form.

        Lone surrogates, which a series cannot hold, are kept as three bytes each.

        Raises:
            TypeError: a text is None or no string.
        """
        import numpy as np  # loading the definitions must not wait for it

        if isinstance(texts, pl.Series):
            return cls._of_series(texts)
        encoded = [text.encode("utf-8", "surrogatepass") for text in map(_string, texts)]
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded)), out=offsets[1:])
        offsets.flags.writeable = False
        return cls(offsets, np.frombuffer(b"".join(encoded), dtype=np.uint8))

    @classmethod
    def _of_series(cls, texts: pl.Series) -> FlatTexts:
        if texts.dtype != pl.String:
            raise TypeError(f"texts are strings, not {texts.dtype}")
        return cls.of_arrow(texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()))

    @classmethod
    def of_arrow(cls, array: pa.LargeStringArray) -> FlatTexts:
        """The array's own buffers. They are not copied: a mapped file's texts need not fit into memory.

        Raises:
            TypeError: it is no array of large strings, or holds nulls.
        """
        import numpy as np
        import pyarrow as pa

        if array.type != pa.large_string() or array.null_count:
            raise TypeError(f"texts are large strings without nulls, not {array.type} with {array.null_count} nulls")
        if len(array) == 0:
            return cls.of([])
        _, offsets, data = array.buffers()
        # A slice shares its whole buffers.
        own = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
        return cls(own, np.frombuffer(data or b"", dtype=np.uint8))

    @classmethod
    def kept_in(cls, file: BinaryIO, batches: Iterable[pl.Series]) -> FlatTexts:
        """The buffer of all these series' texts, written to an empty file that is open, and mapped from it.

        Memory beyond 8 bytes a text: pages of the file, which the system takes back when it needs them. The file may be
        closed, and have no name.
        """
        import numpy as np

        sizes = [np.zeros(1, dtype=np.int64)]
        for batch in batches:
            flat = cls.of(batch)
            file.write(flat.data[flat.offsets[0] : flat.offsets[-1]].tobytes())
            sizes.append(flat.sizes)
        file.flush()
        offsets = np.cumsum(np.concatenate(sizes))
        offsets.flags.writeable = False
        # Nothing cannot be mapped.
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if offsets[-1] else b""
        return cls(offsets, np.frombuffer(mapped, dtype=np.uint8))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """int64[n]: the bytes of each text."""
        return self.offsets[1:] - self.offsets[:-1]

    def text(self, place: int) -> str:
        """One of them."""
        return self.data[self.offsets[place] : self.offsets[place + 1]].tobytes().decode("utf-8", "surrogatepass")

    def series(self) -> pl.Series:
        """All of them."""
        import pyarrow as pa

        buffers = [pa.py_buffer(part) for part in (self.offsets, self.data)]
        return pl.Series(pa.LargeStringArray.from_buffers(len(self), *buffers))

    def parts(self, bytes_at_once: int) -> Iterator[tuple[int, int]]:
        """Consecutive (first, last + 1) over all texts, each of so many bytes or a single text."""
        return parts(self.sizes, bytes_at_once)


def _string(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"texts are strings, not {type(text).__name__}")
    return text

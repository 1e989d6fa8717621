"""What every embedder promises.

Belongs here: the protocol and what all that keep it share. Does not belong here: any one embedder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from careful_assets.text.normalize import normalize

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Embedder(Protocol):
    """Texts as unit vectors; those of one digest can be compared, those of two cannot."""

    @property
    def name(self) -> str:
        """Which embedder it is, for people."""
        ...

    @property
    def digest(self) -> str:
        """sha256, in hex, of all that decides its vectors; it stands beside each score."""
        ...

    @property
    def sends_to(self) -> str | None:
        """The provider that sees the texts; None for an embedder that works on this machine."""
        ...

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """One row a text, in their order: n × d, of length 1, or 0 for a text of which the embedder sees nothing.

        An empty text, and one of invisible characters alone, is such a text: its cosine with everything is 0. Equal
        texts get equal rows, whatever is embedded beside them.

        Raises:
            StageFailed: the embedder could not do its work.
        """
        ...


def is_empty(text: str) -> bool:
    """Whether there is nothing in the text to embed."""
    return not normalize(text)


def head(text: str, most: int) -> str:
    """The text's first `most` characters, halves of surrogate pairs replaced: UTF-8 and tokenizers have none."""
    return text[:most].encode("utf-8", "replace").decode()


def unit_rows(vectors: npt.NDArray[np.float64], least: float = 0.0) -> npt.NDArray[np.float64]:
    """The rows, each divided by its length; a row no longer than `least` becomes 0."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: npt.NDArray[np.float64] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > least)
    return units

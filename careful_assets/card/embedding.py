"""Which embedder sees the rows, for the gates and detectors that compare meaning.

Belongs here: what each key may hold. Does not belong here: the embedders (`text.embedders`, `llm.embeddings`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from careful_assets.card.fields import Line, Name
from careful_assets.card.part import Part


class TfidfSvdEmbedder(Part):
    """Fitted on the dataset's own anchors: no download, no call, any language that parts words by spaces."""

    kind: Literal["tfidf_svd"] = "tfidf_svd"
    dimensions: Annotated[int, Field(ge=1, le=1024)] = 256


class MiniLmEmbedder(Part):
    """all-MiniLM-L6-v2, on this machine; needs the extra `embed`. English."""

    kind: Literal["minilm"]


class EndpointEmbedder(Part):
    """An OpenAI-compatible endpoint: its address and key are in CAREFUL_EMBED_URL and CAREFUL_EMBED_API_KEY.

    `provider`, `model` and `revision` are what it is declared to be, and what its scores stand beside. `dimensions`:
    asked of the endpoint, and held against what it sends; without the key, its own.
    """

    kind: Literal["endpoint"]
    provider: Name
    model: Line
    revision: Line | None = None
    dimensions: Annotated[int, Field(ge=1, le=16384)] | None = None


CardEmbedder = Annotated[TfidfSvdEmbedder | MiniLmEmbedder | EndpointEmbedder, Field(discriminator="kind")]

"""The embedder that a card names, and the one that calls an OpenAI-compatible endpoint.

Belongs here: batches, retries, and what comes back, read with distrust. Does not belong here: the call itself
(`client`), the pauses (`pacing`), and embedders that run on this machine (`text.embedders`).

An endpoint sees the texts that it embeds. It is never to be given rows of the vault unless the card names its provider
as one that may see them; that is for whoever opens the vault to hold, since an embedder does not know whose rows it is
given.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from careful_assets.card.embedding import CardEmbedder, EndpointEmbedder, MiniLmEmbedder
from careful_assets.errors import StageFailed
from careful_assets.llm.pacing import RETRIES, Retries
from careful_assets.llm.requests import CallFailed, Unreachable, digest_of
from careful_assets.text.embedders.protocol import Embedder, head, is_empty, unit_rows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from careful_assets.llm.client import EndpointClient

# Common models read 512 tokens or 8,191 of them; a longer text would be refused, and its whole batch with it.
MOST_CHARACTERS = 4_000
ROWS_PER_CALL = 64
IN_FLIGHT = 4
TIMEOUT_S = 120.0
# What is asked only to learn how long the vectors are, where no text has anything to embed.
_PROBE = "text"


def open_embedder(settings: CardEmbedder, anchors: Sequence[str], environ: Mapping[str, str] = os.environ) -> Embedder:
    """The embedder that a card names. `anchors`: the texts that it is fitted on, if it is fitted.

    Raises:
        StageFailed: it needs an extra that is not installed, or an address that is not set.
    """
    if isinstance(settings, EndpointEmbedder):
        url = environ.get("CAREFUL_EMBED_URL")
        if not url:
            raise StageFailed(
                f"embedder {settings.provider}: CAREFUL_EMBED_URL is not set; set it to the endpoint's base, such as "
                "http://127.0.0.1:8080/v1, or write `filtering.embedder: {kind: tfidf_svd}` in the card"
            )
        return EndpointEmbeddings(settings, url, api_key=environ.get("CAREFUL_EMBED_API_KEY") or None)
    if isinstance(settings, MiniLmEmbedder):
        from careful_assets.text.embedders.minilm import MiniLm

        return MiniLm()
    from careful_assets.text.embedders.tfidf_svd import TfidfSvd

    return TfidfSvd(anchors, settings.dimensions)


class EndpointEmbeddings:
    """Vectors from `POST /v1/embeddings`, by what the card declares the endpoint to be.

    Of a text the first 4,000 characters are sent, equal ones once. Vectors are brought to length 1. A remote model may
    answer the same text otherwise on another day: the digest is that of the declaration, all that can be seen.
    """

    def __init__(
        self, declared: EndpointEmbedder, url: str, *, api_key: str | None = None, retries: Retries = RETRIES,
        timeout_s: float = TIMEOUT_S,
    ) -> None:  # fmt: skip
        self._declared = declared
        self._url = url
        self._api_key = api_key
        self._retries = retries
        self._timeout_s = timeout_s
        self._dimensions = declared.dimensions

    @property
    def name(self) -> str:
        """The provider and the model, as declared."""
        return f"{self._declared.provider}/{self._declared.model}"

    @property
    def sends_to(self) -> str:
        """The provider, as declared."""
        return self._declared.provider

    @property
    def digest(self) -> str:
        """sha256, in hex, of the declared provider, model, revision and dimensions."""
        return digest_of({**self._declared.model_dump(), "most_characters": MOST_CHARACTERS})

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """See `Embedder`. Not to be called where an event loop runs: it runs one of its own.

        Raises:
            StageFailed: a batch got no usable answer, after retries where these could help.
        """
        import numpy as np

        heads = (head(text.strip(), MOST_CHARACTERS) for text in texts)
        sent = ["" if is_empty(text) else text for text in heads]
        places = {text: place for place, text in enumerate(dict.fromkeys(text for text in sent if text))}
        asked = list(places) or ([_PROBE] if self._dimensions is None else [])
        found = asyncio.run(self._all(asked)) if asked else np.zeros((0, self._dimensions or 0), dtype=np.float32)
        vectors = np.zeros((len(texts), found.shape[1]), dtype=np.float32)
        filled = [row for row, text in enumerate(sent) if text]
        vectors[filled] = found[[places[sent[row]] for row in filled]]
        return vectors

    async def _all(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        import numpy as np

        from careful_assets.llm.client import EndpointClient, endpoint_identity

        identity = endpoint_identity(self._declared.model, self._declared.provider, self._declared.revision)
        remedy = "start the endpoint at CAREFUL_EMBED_URL, or set its right address"
        client = EndpointClient(self._url, identity, api_key=self._api_key, remedy=remedy, variables="CAREFUL_EMBED")
        batches = [texts[start : start + ROWS_PER_CALL] for start in range(0, len(texts), ROWS_PER_CALL)]
        found: list[npt.NDArray[np.float32] | None] = [None] * len(batches)
        queue = iter(enumerate(batches))

        async def work() -> None:
            for place, batch in queue:
                found[place] = await self._one(client, batch)

        async with client:
            await _first_error([asyncio.ensure_future(work()) for _ in range(min(IN_FLIGHT, len(batches)))])
        return np.concatenate([part for part in found if part is not None])

    async def _one(self, client: EndpointClient, batch: Sequence[str]) -> npt.NDArray[np.float32]:
        """A batch's vectors, sent again as often and after such pauses as `pacing` says."""
        payload: dict[str, Any] = {"model": self._declared.model, "input": list(batch)}
        if self._declared.dimensions is not None:
            payload["dimensions"] = self._declared.dimensions
        for attempt in range(1, self._retries.attempts + 1):
            try:
                vectors = parse(await client.post("embeddings", payload, "\n".join(batch), self._timeout_s), len(batch))
            except CallFailed as failure:
                if self._retries.is_last(attempt, failure):
                    raise self._failed(failure, attempt) from failure
                await asyncio.sleep(self._retries.pause_s(attempt, failure))
            else:
                return self._held(vectors)
        raise AssertionError("no attempt was made")

    def _held(self, vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """The vectors, if they are as long as all before them."""
        import numpy as np

        if self._dimensions is None:
            self._dimensions = vectors.shape[1]
        if vectors.shape[1] != self._dimensions:
            known = "filtering.embedder.dimensions says" if self._declared.dimensions else "it sent before"
            raise StageFailed(
                f"embedder {self.name}: the endpoint sent vectors of {vectors.shape[1]} numbers, {known} "
                f"{self._dimensions}; they cannot be compared. See which model answers at CAREFUL_EMBED_URL"
            )
        return unit_rows(vectors).astype(np.float32)

    def _failed(self, failure: CallFailed, attempts: int) -> StageFailed:
        remedy = failure.remedy if isinstance(failure, Unreachable) else "mend the cause (address, model name, key)"
        times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        return StageFailed(
            f"embedder {self.name}: a batch got no usable answer in {times}: {self._retries.cause(failure)}. Nothing "
            f"was judged by it; {remedy}, and run again"
        )


def parse(body: bytes, rows: int) -> npt.NDArray[np.float64]:
    """The vectors of an answer in the order of their index, scaled to a largest number of 1.

    Raises:
        CallFailed: the body is not JSON, or not one vector of finite numbers for each of `rows` texts, all of one
        length, each with a direction.
    """
    import numpy as np

    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CallFailed(f"the body is not JSON ({len(body)} bytes)", retryable=True) from error
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        raise CallFailed("the answer has no list of embeddings", retryable=False)
    if len(data) != rows:
        raise CallFailed(f"the answer has {len(data)} embeddings for {rows} texts", retryable=False)
    by_index = {one["index"]: one.get("embedding") for one in data if type(one.get("index")) is int}
    if set(by_index) != set(range(rows)):
        raise CallFailed("the embeddings' indexes are not those of the texts, each once", retryable=False)
    vectors = [by_index[index] for index in range(rows)]
    if not all(isinstance(vector, list) and vector for vector in vectors):
        raise CallFailed("an embedding is not a list of numbers", retryable=False)
    if len({len(vector) for vector in vectors}) > 1:
        raise CallFailed("the embeddings differ in length", retryable=False)
    if any(type(number) not in (int, float) for vector in vectors for number in vector):
        raise CallFailed("an embedding holds something that is no number", retryable=False)
    try:
        numbers = np.array(vectors, dtype=np.float64)
    except OverflowError as error:
        raise CallFailed("an embedding holds a number that is not finite", retryable=False) from error
    if not np.isfinite(numbers).all():
        raise CallFailed("an embedding holds a number that is not finite", retryable=False)
    largest = np.abs(numbers).max(axis=1, keepdims=True)
    if not largest.all():
        raise CallFailed("an embedding has no direction: all its numbers are 0", retryable=False)
    # Before lengths are taken, so that no square of a number leaves what a double holds.
    scaled: npt.NDArray[np.float64] = numbers / largest
    return scaled


async def _first_error(workers: Sequence[asyncio.Task[None]]) -> None:
    """Wait for the workers; the first error stops the others, and is raised once they have stopped."""
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

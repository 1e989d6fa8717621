"""The leak detectors of a dataset: which, with what cut-offs, and what they found in its rows.

Belongs here: from a profile and a card to detectors, and from what the vault answers to the stage's tables. Does not
belong here: how a detector finds anything (`text.leaks`), and where the cut-offs come from (`benchmark`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from careful_assets.card.models import Card
from careful_assets.card.profiles import LeakSettings
from careful_assets.errors import CarefulError
from careful_assets.text.leaks.unavailable import UnavailableDetector
from careful_assets.text.normalize import normalize

if TYPE_CHECKING:
    from careful_assets.evaluation.benchmark import MakeDetectors
    from careful_assets.text.leaks.protocol import Detector
    from careful_assets.warehouse.vault_leaks import Leaks


LEAKS: dict[str, type[pl.DataType]] = {
    "row_id": pl.String, "eval_row_digest": pl.String, "detector": pl.String, "score": pl.Float64,
    "threshold": pl.Float64, "evidence": pl.String, "set_name": pl.String, "span_start": pl.Int64,
    "span_stop": pl.Int64, "masked": pl.String,
}  # fmt: skip
DETECTORS: dict[str, type[pl.DataType]] = {
    "detector": pl.String, "version": pl.Int32, "ran": pl.Boolean, "rows_seen": pl.Int64, "sealed_rows": pl.Int64,
    "cause": pl.String, "threshold": pl.Float64, "rows_short": pl.Int64, "flagged": pl.Int64,
    "registry_state": pl.String,
}  # fmt: skip
_SHOWN_FROM = 500  # thousandths of a cosine: a judge that reads is not asked about rows of another subject
_LONGEST_SPAN = 160  # characters that are shown of it


def detector_versions() -> dict[str, int]:
    """Every detector's version, by name, the judge's among them."""
    from careful_assets.text.leaks.containment import ContainmentDetector
    from careful_assets.text.leaks.embedding import EmbeddingDetector
    from careful_assets.text.leaks.exact import ExactDetector
    from careful_assets.text.leaks.judged import JudgedDetector
    from careful_assets.text.leaks.near import NearDuplicateDetector
    from careful_assets.text.leaks.ngrams import NgramDetector
    from careful_assets.text.leaks.skeleton import SkeletonDetector

    return {
        "exact": ExactDetector.version,
        "ngram_8": NgramDetector.version,
        "ngram_13": NgramDetector.version,
        "near_duplicate": NearDuplicateDetector.version,
        "containment": ContainmentDetector.version,
        "skeleton": SkeletonDetector.version,
        "embedding": EmbeddingDetector.version,
        JudgedDetector.name: JudgedDetector.version,
    }


def demanded(card: Card, settings: LeakSettings) -> list[str]:
    """The detectors that must run: the profile's, and the judge where the card names one."""
    return [*settings.detectors, *(["paraphrase_judge"] if card.evaluation.paraphrase_judge else [])]


def detectors_beside(card: Card, settings: LeakSettings, reference: pl.Series) -> MakeDetectors:
    """What makes the profile's detectors at given cut-offs, each in thousandths.

    `reference`: texts of open rows, by which n-grams are rare or not, and likeness is everybody's or not.
    """
    from careful_assets.text.leaks.containment import ContainmentDetector
    from careful_assets.text.leaks.exact import ExactDetector
    from careful_assets.text.leaks.near import NearDuplicateDetector
    from careful_assets.text.leaks.ngrams import NgramDetector
    from careful_assets.text.leaks.skeleton import SkeletonDetector

    embedding = _embedding_maker(card, reference) if "embedding" in settings.detectors else None

    def make(cut_offs: Mapping[str, int]) -> list[Detector]:
        made: dict[str, Callable[[int], Detector]] = {
            "exact": lambda _: ExactDetector(),
            "ngram_8": lambda least: NgramDetector(8, least, [reference]),
            "ngram_13": lambda least: NgramDetector(13, least, [reference]),
            "near_duplicate": NearDuplicateDetector,
            "containment": ContainmentDetector,
            "skeleton": lambda _: SkeletonDetector(),
        }
        if embedding is not None:
            made["embedding"] = embedding
        return [made[name](cut_offs[name]) for name in settings.detectors]

    return make


def judge_of(card: Card, families: Collection[str], reference: pl.Series, weights: Path) -> list[Detector]:
    """The paraphrase judge that the card names, to be asked after every detector; none where it names none.

    `families`: of the generators of the rows to be judged. `weights`: where the embedded model's are kept.
    """
    from careful_assets.llm.embeddings import open_embedder
    from careful_assets.llm.paraphrase_judge import open_judge
    from careful_assets.text.leaks.judged import SURE, JudgedDetector

    declared = card.evaluation.paraphrase_judge
    if declared is None:
        return []
    try:
        embedder = open_embedder(card.filtering.embedder, reference.to_list())
        judge = open_judge(declared, families, weights)
        return [JudgedDetector(judge, embedder, declared.nearest, _SHOWN_FROM)]
    except (CarefulError, ValueError) as error:
        return [UnavailableDetector(JudgedDetector.name, JudgedDetector.version, SURE, str(error))]


def _embedding_maker(card: Card, reference: pl.Series) -> Callable[[int], Detector]:
    """The paraphrase detector with the card's embedder; what fails, where that one cannot be had."""
    from careful_assets.llm.embeddings import open_embedder
    from careful_assets.text.leaks.embedding import EmbeddingDetector

    texts = reference.to_list()
    try:
        embedder = open_embedder(card.filtering.embedder, texts)
    except CarefulError as error:
        cause = str(error)
        return lambda least: UnavailableDetector("embedding", EmbeddingDetector.version, least, cause)
    return lambda least: EmbeddingDetector(embedder, least, texts)


def leak_rows(leaks: Leaks, text_of: Callable[[list[str]], pl.DataFrame]) -> pl.DataFrame:
    """`evaluation.leaks`: each finding with its score and threshold, and the span that matched, its letters masked.

    `text_of`: row_id and text of the rows that are named to it.
    """
    found = leaks.found.join(leaks.runs.select("detector", "threshold"), on="detector")
    texts = dict(text_of(found["row_id"].unique().to_list()).select("row_id", "text").iter_rows())
    masked = [
        mask(normalize(texts[row_id])[start:stop]) if start >= 0 else None
        for row_id, start, stop in found.select("row_id", "start", "stop").iter_rows()
    ]
    evidence = pl.format("{} of {} shared", "shared", "of")
    placed = pl.col("start") >= 0
    return found.select(
        "row_id",
        "eval_row_digest",
        "detector",
        score=_share("score"),
        threshold=_share("threshold"),
        evidence=evidence,
        set_name="set_name",
        span_start=pl.when(placed).then("start"),
        span_stop=pl.when(placed).then("stop"),
        masked=pl.Series(masked, dtype=pl.String),
    ).cast(LEAKS)  # type: ignore[arg-type]


def detector_rows(leaks: Leaks) -> pl.DataFrame:
    """`evaluation.detectors`: whether each ran over all rows, and against what."""
    state = pl.lit(leaks.registry_state)
    return leaks.runs.select(
        **{name: name for name in DETECTORS if name not in ("threshold", "registry_state")},
        threshold=_share("threshold"),
        registry_state=state,
    ).select([pl.col(name).cast(kind) for name, kind in DETECTORS.items()])


def _share(column: str) -> pl.Expr:
    """Thousandths as a share, divided as Python divides: polars' last digit is another at times."""

    def divided(thousandths: pl.Series) -> pl.Series:
        return pl.Series([None if one is None else one / 1000 for one in thousandths], dtype=pl.Float64)

    return pl.col(column).map_batches(divided, return_dtype=pl.Float64)


def mask(span: str) -> str:
    """The span without what it says: letters as x, digits as 9; of a long one the beginning.

    It quotes a sealed row as far as it matches one, and tables are read by whoever may read the warehouse.
    """
    shown = "".join("x" if one.isalpha() else "9" if one.isdigit() else one for one in span[:_LONGEST_SPAN])
    return shown + ("..." if len(span) > _LONGEST_SPAN else "")

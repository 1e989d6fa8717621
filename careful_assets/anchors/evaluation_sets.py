"""Evaluation sets of other datasets: read from their releases, refused by name where they may not be used, sealed.

Belongs here: which release may become a ruler, and what is on record of it. Does not belong here: what the vault
demands (`warehouse.vault_sets`), and holding candidates against a set's lineage, which is evaluation's.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from careful_assets.card.evaluation import EvaluationSet
from careful_assets.card.reader import LoadedCard
from careful_assets.errors import StageFailed
from careful_assets.provenance.released import Released, released
from careful_assets.provenance.stage import StageContext
from careful_assets.text.leaks.protocol import SHORTEST_JUDGED
from careful_assets.text.normalize import hash64, normalize, tokens
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.staging import Staging
from careful_assets.warehouse.tables import append
from careful_assets.warehouse.vault import VaultSealer
from careful_assets.warehouse.vault_sets import OWN, SealedSets

_SETS: dict[str, type[pl.DataType]] = {
    "set_name": pl.String, "origin": pl.String, "rows": pl.Int64, "set_digest": pl.String, "dataset": pl.String,
    "version": pl.String, "content_digest": pl.String, "registry_state": pl.String,
}  # fmt: skip
_LINEAGE: dict[str, type[pl.DataType]] = {"set_name": pl.String, "kind": pl.String, "item": pl.String}
# By column of the release's records, what kind of lineage it is.
_KINDS = {
    "generator_family": "generator_family",
    "generator_digest": "generator",
    "prompt_sha256": "prompt",
    "seed": "seed",
    "row_id": "row",
}


def readable_sets(context: StageContext) -> list[tuple[EvaluationSet, Released]]:
    """Every set that the card names, with its release: all are looked at before any is sealed.

    Raises:
        StageFailed: one of them is missing, changed, retired, another one, or not meant to be a ruler here.
    """
    return [(one, _usable(context, one)) for one in context.card.evaluation.sets]


def refuse_copies(staging: Staging, sets: list[tuple[EvaluationSet, Released]]) -> None:
    """Hold the sets' texts against every real row that is staged, sealed ones among them.

    A copy of a row that is trained on measures memory, one of an exemplar what was shown, one of a sealed row counts an
    answer twice. Short texts come about anew, and are passed over, as by most detectors.

    Raises:
        StageFailed: a set holds texts of real rows, by their normal form.
    """
    with staging.opened() as con:
        for one, release in sets:
            texts = [text for text in _generated(release)["text"].to_list() if len(tokens(text)) >= SHORTEST_JUDGED]
            hashes = pl.Series("text_hash", [hash64(normalize(text)) for text in texts], dtype=pl.Int64)
            append(con, "staged.set_texts", pl.DataFrame({"set_name": [one.name] * len(texts), "text_hash": hashes},
                schema_overrides={"set_name": pl.String}))  # fmt: skip
        for name, copies in run_model(con, "anchors/set_copies").iter_rows():
            raise StageFailed(
                f"the evaluation set {name}: {copies} of its texts are those of this dataset's real rows, which its "
                "generator therefore knew: it would measure what was shown or trained on. Name a set that was made "
                "without them"
            )


def seal_sets(sealer: VaultSealer, sets: list[tuple[EvaluationSet, Released]]) -> SealedSets:
    """Seal the sets in the card's order; everything that is then sealed beside the real rows."""
    for one, release in sets:
        rows = _generated(release).select("row_id", "text", "label")
        sealer.seal_set(one.name, one.dataset, one.version, one.content_digest, rows, _lineage(release))
    return sealer.sets()


def set_tables(further: SealedSets, own_rows: int) -> dict[str, pl.DataFrame]:
    """`anchors.evaluation_sets`, the anchors' own rows among them, and `anchors.set_lineage`."""
    own = {"set_name": OWN, "origin": "real", "rows": own_rows, "set_digest": further.own_digest}
    others = [
        {"origin": "synthetic", "set_digest": row["content_digest"], **row}
        for row in further.sets.iter_rows(named=True)
    ]
    sets = pl.DataFrame([own | dict.fromkeys(("dataset", "version", "content_digest")), *others], schema=_SETS)
    return {
        "anchors.evaluation_sets": sets.with_columns(registry_state=pl.lit(further.registry_state)),
        "anchors.set_lineage": further.lineage.select(list(_LINEAGE)),
    }


def _usable(context: StageContext, one: EvaluationSet) -> Released:
    what = f"the evaluation set {one.name} ({one.dataset} {one.version})"
    try:
        release = released(context.home.releases(one.dataset) / one.version, one.content_digest)
    except StageFailed as error:
        raise StageFailed(f"{what}: {error}") from error
    for reason in _refusals(release, one, context.card.anchors.labels):
        raise StageFailed(f"{what}: {reason}")
    if shared := list(_shared_makers(_lineage(release), context.loaded)):
        raise StageFailed(
            f"{what}: {'; '.join(shared)}. A ruler that shares them with the candidates praises what it "
            "should measure: name a set made otherwise, or generate with another family and other prompts"
        )
    return release


def _shared_makers(lineage: pl.DataFrame, loaded: LoadedCard) -> Iterator[str]:
    """What the set has in common with what the card will generate with.

    Told before it is sealed, for what is sealed stays so. A family that only the endpoint's model tells is not known
    yet: evaluation finds that one.
    """
    families, prompts = (set(lineage.filter(kind=kind)["item"]) for kind in ("generator_family", "prompt"))
    family = loaded.card.generation.generator.family
    if family in families:
        yield f"its generator family, {family}, is that of generation.generator, too"
    for prompt in loaded.prompts:
        if prompt.sha256 in prompts:
            yield f"its prompt {prompt.sha256[:16]} is {prompt.prompt_id}, too"


def _refusals(release: Released, one: EvaluationSet, labels: list[str]) -> Iterator[str]:
    manifest = release.manifest
    if (manifest.get("name"), manifest.get("version")) != (one.dataset, one.version):
        yield "the folder holds the release of another dataset or version; restore the one that the card names"
    limits = manifest.get("use_limits")
    allowed = limits.get("allowed") if isinstance(limits, dict) else None
    if not isinstance(allowed, list) or "evaluation" not in allowed:
        yield "its allowed uses do not name evaluation; only what was made to measure with may be sealed"
    elif "training" in allowed:
        yield "it may be trained on, too; only what was made to measure with, and for nothing else, may be sealed"
    rows = _generated(release)
    if rows.is_empty():
        yield "it holds no generated rows"
    strange = rows.filter(~pl.col("label").is_in(labels) | pl.col("label").is_null()).height
    if strange:
        yield f"{strange} of its rows carry labels that are none of anchors.labels: {', '.join(labels)}"


def _generated(release: Released) -> pl.DataFrame:
    """Real rows that travel along are no part of the set: they may lie open elsewhere."""
    return release.rows.filter(pl.col("origin") != "real").sort("row_id")


def _lineage(release: Released) -> pl.DataFrame:
    records = release.records.join(_generated(release), on="row_id", how="semi")
    parts = [records.select(kind=pl.lit(kind), item=pl.col(column).cast(pl.String)) for column, kind in _KINDS.items()]
    parts.append(records.select(kind=pl.lit("parent"), item=pl.col("parent_ids").list.explode()))
    return pl.concat(parts).drop_nulls().unique().sort("kind", "item")

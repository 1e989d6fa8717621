"""Anchors: read the real rows, deal them out by group, seal the evaluation side before any prompt is rendered."""

from __future__ import annotations

from typing import Any

import polars as pl

from careful_assets.anchors.sources.files import read_file
from careful_assets.anchors.sources.raw import RawAnchor, checked
from careful_assets.anchors.sources.sql import read_sql
from careful_assets.anchors.sources.vader_reviews import read_vader_reviews
from careful_assets.anchors.splits import joined_groups, split_of
from careful_assets.card.anchors import FileSource, VaderReviews
from careful_assets.card.models import Slice
from careful_assets.provenance.digests import canonical, sha256
from careful_assets.provenance.stage import Inputs, Outcome, StageContext
from careful_assets.text.ngrams import ngram_hashes
from careful_assets.text.normalize import hash64, normalize, tokens
from careful_assets.warehouse.vault import Sealed, VaultSealer

VINTAGE = 1
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "row_id": pl.String, "text": pl.String, "label": pl.String, "group_id": pl.String, "source": pl.String,
    "vintage": pl.Int32, "split": pl.String, "votes": pl.List(pl.Int32),
}  # fmt: skip


def read_anchors(context: StageContext) -> tuple[list[RawAnchor], str]:
    """The card's real rows, checked, and the source's digest.

    Raises:
        MalformedInput: the source's faults, all at once.
        StageFailed: a source that must be fetched could not be.
    """
    source, folder = context.card.anchors.source, context.loaded.folder
    if isinstance(source, VaderReviews):
        rows, faults, digest = read_vader_reviews(source, context.home.cache)
    elif isinstance(source, FileSource):
        rows, faults, digest = read_file(source, folder)
    else:
        rows, faults, digest = read_sql(source, folder)
    return checked(rows, context.card.anchors.labels, faults), digest


def seal_and_split(context: StageContext, inputs: Inputs, vault_sealer: VaultSealer) -> Outcome:
    """The anchors stage: all rows but the vault's go to `anchors.rows`; of the vault's, only counts do."""
    raw, digest = read_anchors(context)
    frame, joined = dealt_out(raw, context)
    offered = frame.filter(pl.col("split") == "vault")
    open_rows = frame.filter(pl.col("split") != "vault").sort("row_id")
    states = inputs.table("anchors.vault_counts")["registry_state"].to_list()
    sealed = _seal(offered, open_rows["row_id"].to_list(), states[0] if states else None, context, vault_sealer)
    source = {
        "source": context.card.anchors.name,
        "vintage": VINTAGE,
        "sha256": digest,
        "licence": context.card.anchors.licence,
        "rows": frame.height,
        "groups": frame["group_id"].n_unique(),
        "joined_groups": joined,
        "sealed_rows": offered.height,
        "sealed_groups": offered["group_id"].n_unique(),
    }
    counts = sealed.counts.with_columns(registry_state=pl.lit(sealed.registry_state))
    return Outcome(
        {
            "anchors.rows": open_rows,
            "anchors.vault_counts": counts.select("label", "n", "groups", "registry_state").sort("label"),
            "anchors.sources": pl.DataFrame([source]),
        },
        _shown(open_rows, sealed, source, context),
    )


def dealt_out(raw: list[RawAnchor], context: StageContext) -> tuple[pl.DataFrame, int]:
    """Every anchor with its id and its side, and how many groups were joined to another."""
    card = context.card.anchors
    keys = _row_keys(raw, card.split.salt)
    groups = [row.group if row.group is not None else f"row:{key}" for row, key in zip(raw, keys, strict=True)]
    texts = [normalize(row.text) for row in raw]
    joined = joined_groups(zip(groups, texts, strict=True))
    rows: list[dict[str, Any]] = [
        {
            "row_id": sha256(canonical([card.name, key])),
            "text": row.text,
            "label": row.label,
            "group_id": group,
            "source": card.name,
            "vintage": VINTAGE,
            "split": split_of(joined[group], card.split),
            "votes": list(row.votes) if row.votes is not None else None,
        }
        for row, key, group in zip(raw, keys, groups, strict=True)
    ]
    return pl.DataFrame(rows, schema=_SCHEMA), sum(len(members) > 1 for members in joined.values())


def _row_keys(raw: list[RawAnchor], salt: str) -> list[str]:
    """The card's key column or, without one, the salted text digest and which occurrence of that text it is."""
    seen: dict[str, int] = {}
    keys = []
    for row in raw:
        if row.key is not None:
            keys.append(row.key)
            continue
        digest = sha256(f"{salt}\0{row.text}")
        seen[digest] = seen.get(digest, 0) + 1
        keys.append(f"{digest}:{seen[digest]}")
    return keys


def _seal(
    rows: pl.DataFrame, open_ids: list[str], known_state: str | None, context: StageContext, sealer: VaultSealer
) -> Sealed:
    words = {row_id: tokens(text) for row_id, text in rows.select("row_id", "text").iter_rows()}
    exact = [(row_id, "exact", hash64(normalize(text))) for row_id, text in rows.select("row_id", "text").iter_rows()]
    size = context.profile.leaks.ngram_tokens
    ngrams = [(row_id, "ngram", value) for row_id, parts in words.items() for value in ngram_hashes(parts, size)]
    fingerprints = pl.DataFrame(
        exact + ngrams, schema={"row_id": pl.String, "kind": pl.String, "hash": pl.Int64}, orient="row"
    )
    slices = {
        part.name: [
            row_id
            for row_id, label in rows.select("row_id", "label").iter_rows()
            if _in_slice(part, label, len(words[row_id]))
        ]
        for part in context.card.evaluation.slices
    }
    return sealer.seal(rows.select("row_id", "text", "label", "group_id"), fingerprints, slices, open_ids, known_state)


def _in_slice(part: Slice, label: str, length: int) -> bool:
    if part.labels is not None and label not in part.labels:
        return False
    return part.min_tokens <= length and (part.max_tokens is None or length <= part.max_tokens)


def _shown(rows: pl.DataFrame, sealed: Sealed, source: dict[str, Any], context: StageContext) -> dict[str, Any]:
    vault = dict(sealed.counts.select("label", "n").iter_rows())
    by_label = []
    for label in context.card.anchors.labels:
        counts = dict(rows.filter(pl.col("label") == label).group_by("split").len().iter_rows())
        sides = {side: counts.get(side, 0) for side in ("exemplar", "train", "holdout")}
        by_label.append({"label": label, **sides, "vault": vault.get(label, 0)})
    return {
        "rows by label and split": by_label,
        "source": f"{source['source']}, licence {source['licence']}",
        "source sha256": source["sha256"],
        "groups": source["groups"],
        "joined groups": f"{source['joined_groups']}, because they share a text with another group",
        "sealed rows": sealed.rows,
        "sealed earlier": f"{sealed.kept} rows that are no longer in the source",
        "registry state": sealed.registry_state,
    }

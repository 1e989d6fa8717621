"""Release: an immutable, versioned folder of rows, provenance and rejects; the same content makes no second version."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.errors import Refused, StageFailed
from careful_assets.provenance.descent import UNKNOWN_FAMILY
from careful_assets.provenance.release_content import content_digest, leaf_digests
from careful_assets.provenance.release_files import is_retired
from careful_assets.provenance.stage import Inputs, Outcome, StageContext
from careful_assets.release.data_card import data_card
from careful_assets.release.folder import differences, folder_digest, read_leaves, read_manifest, write_folder
from careful_assets.release.manifest import manifest_of
from careful_assets.release.planting import canary_rows, planted
from careful_assets.release.rows import Contents, gather
from careful_assets.release.unknown import remedy, told, too_many
from careful_assets.release.versions import FIRST, next_version, version_after_retired, version_key
from careful_assets.warehouse.canary_registry import CanaryRegistry

_RELEASES: dict[str, pl.DataType | type[pl.DataType]] = {
    "version": pl.String, "content_digest": pl.String, "folder_digest": pl.String, "status": pl.String,
    "rows": pl.Int64, "generated": pl.Int64, "made_at": pl.Datetime("us", "UTC"),
    "retired_at": pl.Datetime("us", "UTC"), "retired_because": pl.String,
}  # fmt: skip


def make_release(context: StageContext, inputs: Inputs, canary_registry: CanaryRegistry) -> Outcome:
    """The release stage: a folder if the content is new, the standing one if it is not."""
    contents = gather(context, inputs)
    digest = content_digest(contents.rows, contents.records)
    releases = inputs.table("release.releases").select(list(_RELEASES))
    rows = inputs.table("release.rows")
    _refuse_erased(context, inputs, contents)
    newest = max(releases["version"].to_list(), key=version_key, default=None)
    standing = releases.filter((pl.col("version") == (newest or "")) & (pl.col("status") == "active"))
    if digest in standing["content_digest"].to_list() and not is_retired(folder_of(context, standing["version"][0])):
        version = standing["version"][0]
        releases = _restored_if_gone(context, inputs, contents, version, releases, canary_registry)
    else:
        _refuse_retired(context, inputs, digest, releases)
        _refuse_unknown(context, inputs, contents)
        version, made = _new_release(context, inputs, contents, digest, newest, releases, canary_registry)
        releases = pl.concat([releases, pl.DataFrame([made], schema=_RELEASES)])
        added = contents.rows.with_columns(version=pl.lit(version)).select(rows.columns)
        rows = pl.concat([rows, added])
    return Outcome(
        {"release.releases": releases, "release.rows": rows}, _shown(context, contents, version, digest, releases)
    )


def folder_of(context: StageContext, version: str) -> Path:
    """Where a version lies."""
    return context.home.releases(context.card.name) / version


def _refuse_erased(context: StageContext, inputs: Inputs, contents: Contents) -> None:
    """What was erased is not released again, whatever the stages above offer."""
    erased = inputs.erased("anchor") | inputs.erased("candidate")
    back = contents.rows.filter(pl.col("row_id").is_in(list(erased))).height
    if back:
        raise StageFailed(
            f"{context.card.name}: {back} of the rows to release were erased; nothing was released. Materialize "
            "anchors, generation and what lies between again, and report these words if it persists"
        )


def _refuse_retired(context: StageContext, inputs: Inputs, digest: str, releases: pl.DataFrame) -> None:
    """Rows of a release that people retired make no new one. An erasure retires releases whose rows may all stand:
    what they held of it may have been among the rejects alone.
    """
    for row in _retired(releases).filter(pl.col("content_digest") == digest).iter_rows(named=True):
        if row["version"] not in inputs.erased("release"):
            raise Refused(
                f"{context.card.name}: these are the rows of version {row['version']}, which was retired "
                f"({row['retired_because']}), and a retired release does not come back. Change what was wrong with it, "
                "in the card or by excluding rows, and run again"
            )


def _refuse_unknown(context: StageContext, inputs: Inputs, contents: Contents) -> None:
    """No folder is written with more rows of unknown origin than the card allows."""
    unknown = contents.records.filter(pl.col("generator_family") == UNKNOWN_FAMILY).select("row_id")
    if not too_many(context.card, unknown.height, contents.records.height):
        return
    came = inputs.model("release/inherited_files").group_by("row_id").agg(pl.col("file_name").min())
    names = unknown.join(came, on="row_id", how="left").select(pl.col("file_name").fill_null("no file on record"))
    files = names.group_by("file_name").len().sort("file_name").iter_rows()
    summary = told(unknown.height, contents.records.height, "this release")
    raise Refused(f"{context.card.name}: {summary} {remedy(context.card, files)}. Nothing was released")


def _retired(releases: pl.DataFrame) -> pl.DataFrame:
    return releases.filter(pl.col("status") == "retired")


def _new_release(
    context: StageContext,
    inputs: Inputs,
    contents: Contents,
    digest: str,
    newest: str | None,
    releases: pl.DataFrame,
    registry: CanaryRegistry,
) -> tuple[str, dict[str, Any]]:
    version = _version_after(context, contents, newest, releases)
    folder = folder_of(context, version)
    if folder.exists():
        # A run that ended between the folder and the transaction left it: adopt it if it is this very content.
        if differences(folder) or read_manifest(folder)["content_digest"] != digest:
            raise StageFailed(
                f"{folder} stands already with other content, and no release of that version is recorded; "
                "move the folder away and materialize release again"
            )
        written = folder_digest(folder)
    else:
        written = _write(context, inputs, contents, version, newest, digest, releases, registry)
    origins = dict(contents.rows.group_by("origin").len().iter_rows())
    return version, {
        "version": version,
        "content_digest": digest,
        "folder_digest": written,
        "status": "active",
        "rows": contents.rows.height,
        "generated": origins.get("generated", 0),
        "made_at": datetime.now(UTC),
        "retired_at": None,
        "retired_because": None,
    }


def _version_after(context: StageContext, contents: Contents, newest: str | None, releases: pl.DataFrame) -> str:
    if newest is None:
        return FIRST
    before = folder_of(context, newest)
    if newest in _retired(releases)["version"].to_list() or is_retired(before):
        return version_after_retired(newest)
    if differences(before):
        raise StageFailed(
            f"{before} is missing or was changed, so the next version's number cannot be told; "
            "restore that folder from a backup and materialize release again"
        )
    return next_version(newest, read_leaves(before), leaf_digests(contents.rows, contents.records))


def _restored_if_gone(
    context: StageContext,
    inputs: Inputs,
    contents: Contents,
    version: str,
    releases: pl.DataFrame,
    registry: CanaryRegistry,
) -> pl.DataFrame:
    """The releases; where the version's folder is gone, its rows are written again and the new folder is noted."""
    if folder_of(context, version).exists():
        return releases
    _refuse_unknown(context, inputs, contents)
    before = [other for other in releases["version"].to_list() if version_key(other) < version_key(version)]
    parent = max(before, key=version_key, default=None)
    digest = content_digest(contents.rows, contents.records)
    written = _write(context, inputs, contents, version, parent, digest, releases, registry)
    context.log(f"the folder of version {version} was gone; its rows were written again, with the same content digest")
    folder = pl.when(pl.col("version") == version).then(pl.lit(written)).otherwise(pl.col("folder_digest"))
    return releases.with_columns(folder_digest=folder)


def _write(
    context: StageContext,
    inputs: Inputs,
    contents: Contents,
    version: str,
    parent: str | None,
    digest: str,
    releases: pl.DataFrame,
    registry: CanaryRegistry,
) -> str:
    canaries = planted(registry, version)
    manifest = manifest_of(context, inputs, contents, version, parent, digest, canaries)
    retired = sorted(_retired(releases)["version"].to_list(), key=version_key)
    card = data_card(context.card, manifest, inputs.table("training.results"), retired)
    rows = canary_rows(canaries, contents.rows)
    return write_folder(folder_of(context, version), contents, manifest, card, rows)


def _shown(
    context: StageContext, contents: Contents, version: str, digest: str, releases: pl.DataFrame
) -> dict[str, Any]:
    by_label = contents.rows.group_by("label", "origin").len("rows").sort("label", "origin")
    rejects = contents.rejects.group_by("stage", "gate", "reason").len("rows").sort("stage", "gate", "reason")
    return {
        "version": version,
        "content digest": digest,
        "folder": str(folder_of(context, version)),
        "rows by label": by_label.to_dicts(),
        "rejects": rejects.to_dicts(),
        "releases": releases.select("version", "status", "rows", "generated", "made_at").to_dicts(),
    }

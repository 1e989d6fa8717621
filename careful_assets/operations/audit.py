"""Which rows of a release are real and which were generated, by what and reviewed by whom, from its folder alone.

Belongs here: reading a release's folder as an auditor does who has nothing else: no warehouse, no card, another
machine. Does not belong here: making one (the release room). Nothing is believed before the files were held against the
manifest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.errors import Exit, Fault, MalformedInput, StageFailed
from careful_assets.llm.requests import SEEDS
from careful_assets.release.files import MANIFEST, RECORDS, ROWS
from careful_assets.release.folder import differences, read_manifest
from careful_assets.release.tombstone import TOMBSTONE, is_retired, read_tombstone

# Without one of these a generated row has no whole record.
_RECORD = (
    "request_id", "prompt_id", "prompt_sha256", "rendered_prompt", "generator_id", "generator_family",
    "generator_digest", "params", "seed", "ordinal", "parent_ids", "label_source",
)  # fmt: skip
_UNKNOWN_FAMILY = "unknown"
_PERSON = ("reviewer", "review", "reviewed_at")
_TOLD = ("name", "title", "version", "parent_version", "content_digest", "rows", "label_sources", "use_limits")


def audit_release(folder: Path) -> dict[str, Any]:
    """What the folder says of each row, and whether it can be believed.

    `differences`: what is not as the manifest says, told before anything else. `incomplete`: generated rows without a
    whole record. `unknown_origin`: generated rows that came in files without provenance; that much is on record.
    `exit_code`: 0 the folder holds, 1 it does not, 2 it is a tombstone: then `retired` says when and why, and there are
    no rows.

    Raises:
        MalformedInput: this is no release's folder.
    """
    if not folder.is_dir():
        said = "is no folder" if folder.exists() else "is not there"
        raise _malformed(folder, f"{said}; give a release's folder")
    if is_retired(folder):
        # A folder that was gone when its version was retired has a tombstone and nothing else.
        told = _told(folder, _manifest(folder) if (folder / MANIFEST).exists() else {})
        stone = _tombstone(folder)
        return told | {"retired": stone, "differences": differences(folder), "exit_code": int(Exit.REFUSED)}
    told = _told(folder, _manifest(folder))
    try:
        wrong = differences(folder)
    except pl.exceptions.PolarsError:
        wrong = ["the rows do not give the content digest: they cannot be read as a release's"]
    tables = _tables(folder)
    if tables is None:
        said_so = wrong or [f"{ROWS} or {RECORDS} cannot be read as a release's"]
        return told | {"differences": said_so, "audited": None, "exit_code": int(Exit.DOES_NOT_HOLD)}
    audited = _audited(*tables)
    code = Exit.DOES_NOT_HOLD if wrong or audited["incomplete"] else Exit.HOLDS
    return told | {"differences": wrong, "audited": audited, "exit_code": int(code)}


def _told(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    return {"folder": str(folder), **{key: manifest.get(key) for key in _TOLD}}


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = read_manifest(folder)
    except StageFailed as error:
        raise _malformed(folder / MANIFEST, f"{error}; give a release's folder, or a whole copy of it") from error
    if not isinstance(manifest.get("rows"), dict) or not isinstance(manifest.get("label_sources"), list):
        raise _malformed(folder / MANIFEST, "tells no rows or no label sources; give a whole copy of the folder")
    return manifest


def _malformed(path: Path, message: str) -> MalformedInput:
    return MalformedInput("no release to audit", [Fault(str(path), None, "", message)])


def _tombstone(folder: Path) -> dict[str, Any]:
    try:
        return read_tombstone(folder)
    except StageFailed as error:
        raise _malformed(folder / TOMBSTONE, f"the release is retired, and {error}; get a whole copy") from error


def _tables(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """The rows and their records with the columns that an audit needs, or None where they cannot be had."""
    try:
        rows, records = pl.read_parquet(folder / ROWS), pl.read_parquet(folder / RECORDS)
    except (OSError, pl.exceptions.PolarsError):
        return None
    if not {"row_id", "origin", "label"} <= set(rows.columns) or "row_id" not in records.columns:
        return None
    # A record of an older release lacks columns: what nobody wrote down is null.
    absent = [pl.lit(None).alias(column) for column in (*_RECORD, *_PERSON) if column not in records.columns]
    numbers = [pl.col(column).cast(pl.Int64, strict=False) for column in ("seed", "ordinal")]
    return rows, records.with_columns(absent).with_columns(numbers).unique("row_id", keep="first")


def _audited(rows: pl.DataFrame, records: pl.DataFrame) -> dict[str, Any]:
    generated = rows.filter(pl.col("origin") == "generated").join(records, on="row_id", how="left")
    unknown = pl.col("generator_family") == _UNKNOWN_FAMILY
    made = generated.filter(unknown.not_() | unknown.is_null())
    seed = (pl.col("seed") + pl.col("ordinal")) % SEEDS
    made = made.with_columns(own_seed=seed)
    strays = records.join(rows.filter(pl.col("origin") == "generated"), on="row_id", how="anti")
    by_request = generated.select("row_id", "generator_id", "prompt_sha256", "reviewer").join(
        made.select("row_id", seed="own_seed"), on="row_id", how="left"
    )
    listed = rows.select("row_id", "origin").join(by_request, on="row_id", how="left").sort("row_id")
    return {
        "real": rows.height - generated.height,
        "generated": generated.height,
        "by_generator": _counts(
            generated, ["generator_id", "generator_family", "generator_revision", "generator_digest"]
        ),
        "by_prompt": _counts(made, ["prompt_id", "prompt_sha256"]),
        "seeds": made.group_by("generator_id")
        .agg(first=pl.col("own_seed").min(), last=pl.col("own_seed").max(), rows=pl.len())
        .sort("generator_id", nulls_last=True)
        .to_dicts(),
        "by_reviewer": _counts(generated, ["reviewer", "review"]),
        "label_sources": _counts(generated, ["label_source"]),
        "unknown_origin": generated.filter(unknown)["row_id"].sort().to_list(),
        "incomplete": _incomplete(made),
        "records_of_no_row": strays["row_id"].sort().to_list(),
        "rows": listed.to_dicts(),
    }


def _incomplete(made: pl.DataFrame) -> list[dict[str, Any]]:
    """The generated rows without a whole record, with what is missing of each."""
    empty = [pl.when(_blank(made, column)).then(pl.lit(column)).alias(column) for column in _RECORD]
    missing = made.select("row_id", missing=pl.concat_list(empty).list.drop_nulls())
    return missing.filter(pl.col("missing").list.len() > 0).sort("row_id").to_dicts()


def _blank(frame: pl.DataFrame, column: str) -> pl.Expr:
    """Whether nothing is recorded there: null, or an empty text. A row may well have no parents."""
    if frame.schema[column] == pl.String:
        return pl.col(column).is_null() | (pl.col(column) == "")
    return pl.col(column).is_null()


def _counts(frame: pl.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    there = [column for column in columns if column in frame.columns]
    return frame.group_by(there).len("rows").sort(there, nulls_last=True).to_dicts()

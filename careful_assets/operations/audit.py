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
from careful_assets.provenance.descent import UNKNOWN_FAMILY
from careful_assets.provenance.release_content import RECORD_FIELDS, ROW_FIELDS
from careful_assets.provenance.release_files import MANIFEST, TOMBSTONE, is_retired, read_document, read_tombstone
from careful_assets.provenance.release_tables import read_tables
from careful_assets.release.counts import may_be_unknown, of_unknown_origin
from careful_assets.release.folder import changed_files, changed_rows, differences, read_manifest

# Without one of these a generated row has no whole record.
_RECORD = (
    "request_id", "prompt_id", "prompt_sha256", "rendered_prompt", "generator_id", "generator_family",
    "generator_digest", "params", "seed", "ordinal", "parent_ids", "label_source",
)  # fmt: skip
_PERSONS = {"reviewer": pl.String(), "review": pl.String(), "reviewed_at": pl.Datetime("us", "UTC")}
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
    try:
        return _report(folder)
    except StageFailed as error:
        fault = Fault(_as_text(folder), None, "", f"{error}; give a release's folder, or a whole copy of it")
        raise MalformedInput("no release to audit", [fault]) from error


def _report(folder: Path) -> dict[str, Any]:
    """The report; StageFailed where the folder is no release's."""
    _refuse_other(folder)
    if is_retired(folder):
        # A folder that was gone when its version was retired has a tombstone and nothing else.
        told = _told(folder, read_manifest(folder) if (folder / MANIFEST).exists() else {})
        stone = _tombstone(folder)
        return told | {"retired": stone, "differences": differences(folder), "exit_code": int(Exit.REFUSED)}
    manifest = read_manifest(folder)
    told = _told(folder, manifest)
    wrong = changed_files(folder, manifest)
    try:
        tables = read_tables(folder)
    except StageFailed:
        if not wrong:
            raise  # whoever made the folder made it so
        return told | {"differences": wrong, "audited": None, "exit_code": int(Exit.DOES_NOT_HOLD)}
    wrong += changed_rows(manifest, *tables)
    audited = _audited(manifest, *tables)
    code = Exit.DOES_NOT_HOLD if wrong or audited["incomplete"] else Exit.HOLDS
    return told | {"differences": wrong, "audited": audited, "exit_code": int(code)}


def _told(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    return {
        "folder": _as_text(folder),
        **{key: manifest.get(key) for key in _TOLD},
        "registry_state": _registry_state(manifest),
        "covered": {"content_digest": [*ROW_FIELDS, *RECORD_FIELDS], "manifest": "signed by nobody"},
    }


def _registry_state(manifest: dict[str, Any]) -> str | None:
    """The state of the sealed sets that the release was made against; None where the manifest does not tell it."""
    ruler = manifest.get("ruler")
    state = ruler.get("registry_state") if isinstance(ruler, dict) else None
    return state if isinstance(state, str) else None


def _refuse_other(folder: Path) -> None:
    try:
        there = folder.is_dir()
    except OSError as error:
        raise StageFailed(f"it cannot be looked up: {error.strerror}") from error
    if not there:
        raise StageFailed("it is a file, no folder" if folder.exists() else "it is not there, no such folder")


def _tombstone(folder: Path) -> dict[str, Any]:
    """What the tombstone says, once it is seen that it can be told."""
    document = read_document(folder / TOMBSTONE)
    gone = document.get("gone")
    if not isinstance(gone, dict) or not all(isinstance(digest, str) for digest in gone.values()):
        raise StageFailed(f"the release is retired, and {TOMBSTONE} does not say which files went")
    return read_tombstone(folder)


def _as_text(path: Path) -> str:
    """A path's name need not be text."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def _audited(manifest: dict[str, Any], rows: pl.DataFrame, records: pl.DataFrame) -> dict[str, Any]:
    # A record of an older release lacks columns: what nobody wrote down is null.
    absent = [pl.lit(None, _PERSONS.get(column, pl.String())).alias(column) for column in (*_RECORD, *_PERSONS)
              if column not in records.columns]  # fmt: skip
    numbers = [pl.col(column).cast(pl.Int64, strict=False) for column in ("seed", "ordinal")]
    records = records.with_columns(absent).with_columns(numbers).unique("row_id", keep="first")
    generated = rows.filter(pl.col("origin") == "generated").join(records, on="row_id", how="left")
    unknown = pl.col("generator_family") == UNKNOWN_FAMILY
    excused = may_be_unknown(manifest, of_unknown_origin(generated))
    made = generated.filter(unknown.not_() | unknown.is_null() | pl.lit(not excused))
    seed = (pl.col("seed") % SEEDS + pl.col("ordinal")) % SEEDS
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

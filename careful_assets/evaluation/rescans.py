"""Active releases, held against the ruler as it stands: what was clean when it was released may be sealed since.

Belongs here: reading their folders and asking the vault. Does not belong here: what people are told of it
(`rescan_checks`, the retirement room), candidates.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.errors import CarefulError, StageFailed
from careful_assets.provenance.released import released_batches
from careful_assets.provenance.stage import Inputs, StageContext
from careful_assets.text.leaks.scan import LeakScan
from careful_assets.warehouse.vault_leaks import Leaks
from careful_assets.warehouse.vault_probe import VaultProbe

BATCH_ROWS = 50_000
JOINED_FROM = 700
"""Thousandths of Jaccard's coefficient from which anchors' groups are joined, so that both fall on one side."""
RELEASE_LEAKS: dict[str, type[pl.DataType]] = {
    "version": pl.String, "row_id": pl.String, "origin": pl.String, "eval_row_digest": pl.String,
    "set_name": pl.String, "detector": pl.String, "score": pl.Float64, "threshold": pl.Float64,
}  # fmt: skip
RELEASE_SCANS: dict[str, type[pl.DataType]] = {
    "version": pl.String, "registry_state": pl.String, "rows": pl.Int64, "leaks": pl.Int64, "cause": pl.String,
}  # fmt: skip


def scan_releases(
    context: StageContext, inputs: Inputs, probe: VaultProbe, scan: LeakScan
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`evaluation.release_leaks` and `evaluation.release_scans`: every active release's rows, real and generated.

    A folder that cannot be read, or a detector that did not run, leaves a scan with its `cause`: a scan that failed.
    Rows come by some at a time; memory grows with the sealed side and the findings.
    """
    leaks, scans = [pl.DataFrame(schema=RELEASE_LEAKS)], []
    for version, folder in inputs.active_releases().items():
        found, run = _scan(folder, version, probe, scan, context.card.vault.may_be_sent_to)
        if run["cause"] is not None:
            context.log(f"release {version} was not held against the sealed rows as a whole: {run['cause']}")
        leaks.append(found)
        scans.append(run)
    order = ["version", "row_id", "detector", "eval_row_digest"]
    return pl.concat(leaks).sort(order), pl.DataFrame(scans, schema=RELEASE_SCANS)


def _scan(
    folder: Path, version: str, probe: VaultProbe, scan: LeakScan, may_be_sent_to: list[str]
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """One release. One that fails leaves a record that it was not scanned: never a clean bill."""
    seen: list[int] = []
    run = {"version": version, "registry_state": "", "rows": 0, "leaks": 0, "cause": None}
    try:
        leaks = probe.find_leaks(_texts(folder, seen), scan, may_be_sent_to)
        found = _with_origin(folder, version, leaks)
    except Exception as error:  # noqa: BLE001  whatever it was, the release was not scanned
        # Our own errors carry no text; of any other only the kind is told.
        cause = str(error) if isinstance(error, CarefulError) else type(error).__name__
        return pl.DataFrame(schema=RELEASE_LEAKS), run | {"rows": sum(seen), "cause": cause}
    failed = leaks.runs.filter(~pl.col("ran")).sort("detector").select("detector", "cause").iter_rows()
    unheld = "; ".join(f"{name} did not run ({why})" for name, why in failed) or None
    counts = {"registry_state": leaks.registry_state, "rows": sum(seen), "leaks": found["row_id"].n_unique()}
    return found, run | counts | {"cause": unheld}


def _texts(folder: Path, seen: list[int]) -> Iterator[pl.DataFrame]:
    """The release's rows; `seen` grows by the height of each batch."""
    for batch in released_batches(folder, ["row_id", "text"], BATCH_ROWS):
        if any(batch[column].null_count() for column in ("row_id", "text")):
            raise StageFailed(f"release {folder.name} cannot be used: rows without an id or a text")
        seen.append(batch.height)
        yield batch


def _with_origin(folder: Path, version: str, leaks: Leaks) -> pl.DataFrame:
    """The findings with each row's origin, for which the file is read again if there are any."""
    if leaks.found.is_empty():
        return pl.DataFrame(schema=RELEASE_LEAKS)
    flagged = leaks.found.select("row_id").unique()
    batches = released_batches(folder, ["row_id", "origin"], BATCH_ROWS)
    origins = pl.concat(batch.join(flagged, on="row_id", how="semi") for batch in batches)
    found = leaks.found.join(leaks.runs.select("detector", "threshold"), on="detector")
    # A real row was dealt out by what it has in common with sealed ones: what is below that is no news of it.
    grave = pl.col("detector").is_in(["exact", "near_duplicate"]) & (pl.col("score") >= JOINED_FROM)
    joined = found.join(origins, on="row_id").filter((pl.col("origin") != "real") | grave)
    told = joined.with_columns(pl.col("score") / 1000, pl.col("threshold") / 1000)
    return told.select(pl.lit(version).alias("version"), *list(RELEASE_LEAKS)[1:]).cast(RELEASE_LEAKS)  # type: ignore[arg-type]

"""What each line of a foreign file is: held against open rows and, through the probe, against the vault.

Belongs here: laying out the file's lines, the questions asked of them, in a DuckDB file of their own. Does not belong
here: reading the file (`reading`), what becomes of unknown lines (`intake`), set logic, which is SQL.

Two open texts are near copies from a Jaccard similarity of `NEAR` on of their normal forms' character 5-grams, counted
exactly. Pairs are proposed by MinHash bands, which miss one exactly at the threshold with a probability of 0.00015.
What is a leak, evaluation's detectors say, at the profile's cut-offs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.card.reader import LoadedCard
from careful_assets.errors import StageFailed
from careful_assets.evaluation.canaries import held_by_file
from careful_assets.evaluation.cut_offs import fixed_cut_off
from careful_assets.evaluation.detecting import detectors_beside
from careful_assets.generation.candidates import clean
from careful_assets.operations.inheriting.reading import ForeignFile
from careful_assets.provenance.erasures import text_item
from careful_assets.text import near_texts
from careful_assets.text.leaks.scan import LeakScan
from careful_assets.text.normalize import hash64, normalize
from careful_assets.warehouse.canary_registry import CanaryRegistry
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.engines import second
from careful_assets.warehouse.models import fill, run_model
from careful_assets.warehouse.tables import append, batches, read
from careful_assets.warehouse.vault_probe import VaultProbe

NEAR = 700
"""Thousandths."""
_SCHEMA = Path(__file__).with_name("schema.sql")
_LOST = "\ufffd"
MILLION = 1_000_000


def new_staging(path: Path) -> Path:
    """An empty file for one sorting."""
    with connect(path) as con:
        con.execute(_SCHEMA.read_text(encoding="utf-8"))
    path.chmod(0o600)
    return path


def row_hash(label: str, text: str) -> int:
    """What makes two lines one candidate: their label and the row that generation would make of the text."""
    return hash64(f"{label}\0{clean(text)}")


def lay_out(con: duckdb.DuckDBPyConnection, file: ForeignFile, labels: Collection[str]) -> int:
    """Put every line into the staging file, those that could not be read last; how many there are.

    `labels`: the card's; a line with another label becomes no candidate.

    Raises:
        MalformedInput: not one line holds a text, or reading cannot go on.
    """
    readable = 0
    for batch in file.lines():
        laid = _hashed(batch, labels)
        for line in laid.filter(pl.col("text_hash").is_null())["line"].to_list():
            file.faults.add(line, file.text, "holds no text", "empty")
        readable += laid.height - laid["text_hash"].null_count()
        append(con, "inherit_lines", laid)
    if not readable:
        file.faults.add(None, file.text, "not one line holds a text; name the column that does: --text COLUMN")
        file.faults.stop()
    append(con, "inherit_faulty", pl.DataFrame({"line": pl.Series(file.faults.places, dtype=pl.Int64)}))
    fill(con, "inherit/unread_lines", "inherit_lines")
    fill(con, "inherit/asked_texts", "inherit_texts")
    return int(con.table("inherit_lines").count("*").fetchall()[0][0])


def match_open(con: duckdb.DuckDBPyConnection, warehouse: Path, folder: Path) -> None:
    """Hold the texts against the open anchors and the candidates: equal normal forms, and near copies of the rest.

    `folder`: private; normal forms lie there in a file without a name.
    """
    with connect(warehouse, read_only=True) as source:
        rows = run_model(source, "inherit/known_rows").sort("origin", "row_id", "text")
    hashes = pl.Series("text_hash", [hash64(normalize(text)) for text in rows["text"].to_list()], dtype=pl.Int64)
    append(con, "inherit_known", rows.with_columns(hashes))
    copies = run_model(con, "inherit/open_copies").with_columns(how=pl.lit("exact"), score=pl.lit(MILLION))
    _found(con, copies)
    asked: list[pl.Series] = []

    def others() -> Iterator[pl.Series]:
        for batch in batches(con.sql("from inherit_texts anti join inherit_matches using (text_hash)")):
            asked.append(batch["text_hash"])
            yield batch["text"]

    with tempfile.TemporaryFile(dir=folder) as file:
        best, shared, union = near_texts.most_alike([rows["text"]], others(), file, NEAR)
    near = pl.DataFrame({"place": best, "shared": shared, "union": union, "text_hash": pl.concat(asked)})
    near = near.filter(pl.col("place") >= 0)
    matched = rows.select("origin", matched_row_id="row_id")[near["place"]]
    score = pl.col("shared") * MILLION // pl.col("union")
    _found(con, pl.concat([near, matched], how="horizontal").with_columns(how=pl.lit("near"), score=score))


def leak_cut_offs(loaded: LoadedCard) -> dict[str, int]:
    """The detectors that foreign texts meet, with their cut-offs in thousandths: the profile's, but for likeness.

    Whether a stranger only says the same in other words is asked of it as a candidate, by evaluation; and a foreign
    file may hold what its owner would send to no endpoint.
    """
    leaks, embedder = loaded.profile.leaks, loaded.card.filtering.embedder.kind
    return {name: fixed_cut_off(name, leaks, embedder) for name in leaks.detectors if name != "embedding"}


def match_sealed(con: duckdb.DuckDBPyConnection, loaded: LoadedCard, warehouse: Path, probe: VaultProbe) -> None:
    """Hold the texts against the sealed rows, as evaluation does; no sealed id comes back.

    Raises:
        StageFailed: a detector did not run over all of them, so that none is known to be clean.
    """
    cut_offs = leak_cut_offs(loaded)
    with connect(warehouse, read_only=True) as source:
        open_texts = read(source, "anchors.rows").sort("row_id")["text"]
    settings = loaded.profile.leaks.model_copy(update={"detectors": list(cut_offs)})
    detectors = detectors_beside(loaded.card, settings, open_texts)(cut_offs)
    leaks = probe.find_leaks(_asked(con), LeakScan(detectors, settings.timeout_s))
    failed = [f"{name}: {cause}" for name, ran, cause in leaks.runs["detector", "ran", "cause"].iter_rows() if not ran]
    if failed:
        raise StageFailed(
            f"leak detectors did not run over the file, so that none of its lines is known to be clean: "
            f"{'; '.join(failed)}. Nothing was taken in; mend that, and run it again"
        )
    score = pl.col("shared") * MILLION // pl.col("of")
    named = leaks.found.with_columns(pl.col("row_id").cast(pl.Int64).alias("text_hash"), score=score)
    _found(con, named.with_columns(origin=pl.lit("leak"), how=pl.col("detector")))


def match_canaries(con: duckdb.DuckDBPyConnection, registry: CanaryRegistry) -> None:
    """Find texts that hold a canary: whoever made the file has read a release, or sealed rows.

    Raises:
        StageFailed: the search did not run.
    """
    held = held_by_file(registry, _asked(con))
    named = held.select(pl.col("row_id").cast(pl.Int64).alias("text_hash"), "eval_row_digest").unique("text_hash")
    _found(con, named.with_columns(origin=pl.lit("leak"), how=pl.lit("canary"), score=pl.lit(MILLION)))


def match_erased(con: duckdb.DuckDBPyConnection, erased: Collection[str], key: bytes) -> None:
    """Find texts that were erased, or copied what was: their normal forms' keyed digests are among `erased`."""
    for batch in batches(con.table("inherit_texts").select("text_hash")):
        gone = [one for one in batch["text_hash"].to_list() if text_item(key, one) in erased]
        matches = pl.DataFrame({"text_hash": gone}, schema={"text_hash": pl.Int64})
        _found(con, matches.with_columns(origin=pl.lit("erased"), how=pl.lit("exact"), score=pl.lit(MILLION)))


def decide(con: duckdb.DuckDBPyConnection) -> None:
    """Settle what each text is by its best match."""
    fill(con, "inherit/best_matches", "inherit_best")


def _hashed(batch: pl.DataFrame, labels: Collection[str]) -> pl.DataFrame:
    texts, rows, whole = [], [], []
    for text, label in batch.select("text", "label").iter_rows():
        normal = normalize(text) if text is not None else ""
        texts.append(hash64(normal) if normal else None)
        whole.append(bool(normal) and _LOST not in text)
        rows.append(row_hash(label, text) if whole[-1] and label in labels else None)
    return batch.with_columns(
        text_hash=pl.Series(texts, dtype=pl.Int64),
        row_hash=pl.Series(rows, dtype=pl.Int64),
        whole=pl.Series(whole, dtype=pl.Boolean),
    )


def _asked(con: duckdb.DuckDBPyConnection) -> Iterator[pl.DataFrame]:
    """All texts, some at a time, each under its hash: `row_id`, `text`."""
    with second(con) as own:
        for batch in batches(own.table("inherit_texts")):
            yield batch.select(pl.col("text_hash").cast(pl.String).alias("row_id"), "text")


def _found(con: duckdb.DuckDBPyConnection, matches: pl.DataFrame) -> None:
    """Add matches; what a kind of match lacks is null."""
    absent = [name for name in ("matched_row_id", "eval_row_digest") if name not in matches.columns]
    whole = matches.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    append(con, "inherit_matches", whole.select(con.table("inherit_matches").columns))

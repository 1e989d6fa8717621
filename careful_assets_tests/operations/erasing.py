"""Lives and rows for the tests of erasing: an exemplar that prompts showed, planted wherever a text can lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.operations.erase import erase
from careful_assets.text.normalize import tokens
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.quarantine import Quarantine
from careful_assets.warehouse.tables import read
from careful_assets_tests.life.arrange import Life

REASON = "the customer asked for it"


@dataclass(frozen=True)
class Victim:
    """A real row that is to be erased."""

    row_id: str
    text: str


def shown_exemplar(life: Life) -> Victim:
    """An exemplar of ten words or more that prompts showed; the same one in every run."""
    shown = {parent for parents in life.table("generation.requests")["parent_ids"].to_list() for parent in parents}
    rows = life.table("anchors.rows").filter(pl.col("row_id").is_in(list(shown))).sort("row_id")
    found = next(row for row in rows.iter_rows(named=True) if len(tokens(row["text"])) >= 10)
    return Victim(found["row_id"], found["text"])


def plant_everywhere(life: Life, victim: Victim) -> str:
    """Let the text lie in the quarantine, in what killed runs leave, and, as a copy, in a candidate that is no child.

    Returns:
        The candidate's id.
    """
    showing = pl.col("parent_ids").list.contains(victim.row_id)
    strangers = life.table("generation.requests").filter(~showing)["request_id"].to_list()
    candidates = life.table("generation.candidates").sort("row_id")
    stranger = candidates.filter(pl.col("request_id").is_in(strangers))["row_id"][0]
    child = candidates.filter(~pl.col("request_id").is_in(strangers))["row_id"][0]
    copied = f"so I say {victim.text.upper()} and that is all"
    quoted = copied.replace("'", "''")
    life.sql(f"update generation.candidates set text = '{quoted}' where row_id = '{stranger}'")
    quarantine = Quarantine(life.home.quarantine(life.dataset))
    quarantine.keep(pl.DataFrame({"row_id": [child], "text": [victim.text], "kinds": [["e"]], "text_digest": ["d"]}))
    for folder in (life.home.scratch(life.dataset, "training"), life.home.scratch(life.dataset, "anchors")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "left.txt").write_text(victim.text, encoding="utf-8")
    making = life.home.releases(life.dataset) / ".making-0123"
    making.mkdir()
    (making / "rows.txt").write_text(victim.text, encoding="utf-8")
    warehouse = life.home.warehouse(life.dataset)
    warehouse.with_name(f".making-{'0' * 32}-draft-{warehouse.name}").write_text(victim.text, encoding="utf-8")
    return str(stranger)


def never_run_again(life: Life) -> Life:
    """Forget that any stage was made: an erasure then has no life to run anew, and takes a second instead of thirty."""
    life.sql("delete from provenance.versions")
    return life


def erased(life: Life, anchor: str, reason: str = REASON) -> dict[str, Any]:
    """What `careful erase` does, in this process."""
    return erase(life.project, life.loaded, life.home, anchor, reason, lambda line: None)


def steps(life: Life) -> list[str]:
    """The steps of erasures on record, in order."""
    return life.table("provenance.erasures").sort("seq")["status"].to_list()


def sealed_ids(life: Life) -> list[str]:
    """The ids of the sealed rows, which no grant tells."""
    with connect(life.home.vault(life.dataset), read_only=True) as con:
        return sorted(read(con, "sealed.rows")["row_id"].to_list())


def stores(life: Life) -> dict[str, bytes]:
    """Every file of the dataset's stores but locks, as bytes."""
    parts = ("warehouse", "vault", "quarantine", "journal", "releases")
    paths = [path for part in parts for path in (life.home.root / part).rglob("*") if path.is_file()]
    return {str(path.relative_to(life.home.root)): path.read_bytes() for path in paths if path.suffix != ".lock"}


def folder_names(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {entry.name for entry in folder.iterdir()}

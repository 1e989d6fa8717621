"""What must hold of candidates and sealed sets by their records: that they have nothing in common.

Belongs here: the check, which recomputes what the tables can tell and believes the stage only in what the vault was
asked. Does not belong here: finding it (`lineage`), leaks by text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from careful_assets.evaluation.lineage import (
    LINEAGE,
    SEALED_EXEMPLAR,
    SEALED_PARENT,
    SEALED_SET_PARENT,
    Records,
    shared_by_records,
)
from careful_assets.provenance.ledger import current_versions, standing_state
from careful_assets.provenance.verdicts import Check, CheckView, Verdict

_MOST = 6
_REAL = "anchors"
_WORDS = {
    "generator_family": "generator family {item} is also that of {rows} candidates",
    "generator": "generator {item} also made {rows} candidates",
    "prompt": "prompt {item} also asked for {rows} candidates",
    "parent": "parent {item} is also one of {rows} candidates, or one of them itself",
    "row": "its row {item} is one of the candidates, or was shown for {rows} of them",
    "unrecorded": "its {item} is not on record, so nobody can tell what it shares",
    SEALED_PARENT: "sealed row {item} is a parent of {rows} candidates",
    SEALED_EXEMPLAR: "sealed row {item} is or was an exemplar",
    SEALED_SET_PARENT: "sealed row {item} is a parent of a synthetic set",
}


def lineage_is_disjoint(view: CheckView) -> Verdict:
    """No set that the card names shares maker, prompt, parent or row with candidates; no parent or exemplar is sealed.

    Candidates are generated rows of any time: those that were admitted earlier, and those that came in files, too. Sets
    that the card names no longer stay sealed; what they share is told, and closes nothing: no score counts on them.
    """
    sets = view.table("anchors.evaluation_sets")
    if sets.is_empty():
        return Verdict(False, "no sealed set is on record; materialize anchors and evaluation again", {"sets": 0})
    records = Records.gather(view, view.table("anchors.set_lineage"))
    if missing := _never_asked(view, len(records.ids)):
        return Verdict(False, missing, {"asked": 0})
    recorded = view.table("evaluation.lineage_leaks").select(list(LINEAGE))
    known = ["set_name", "kind", "item"]
    found = pl.concat([recorded, shared_by_records(view, records).join(recorded, on=known, how="anti")])
    named = {_REAL, *(one.name for one in view.loaded.card.evaluation.sets)}
    wrong = found.filter(pl.col("set_name").is_in(list(named))).sort(known)
    evidence = {"sets": sets.height, "asked": len(records.ids), "wrong": wrong.height}
    if wrong.height:
        told = "; ".join(_told(row) for row in wrong.head(_MOST).iter_rows(named=True))
        more = f"; and {wrong.height - _MOST} more" if wrong.height > _MOST else ""
        return Verdict(False, f"{told}{more}. {_remedy(wrong)}", evidence)
    words = f"{sets.height} sealed sets share no generator, prompt, parent or row with the candidates"
    others = found.filter(~pl.col("set_name").is_in(list(named)))["set_name"].n_unique()
    return Verdict(True, words + (f"; {others} that the card names no longer would" if others else ""), evidence)


def _told(row: Mapping[str, Any]) -> str:
    item = row["item"] if row["kind"] in ("generator_family", "unrecorded") else row["item"][:16]
    words = _WORDS.get(row["kind"], f"{row['kind']} {{item}} concerns {{rows}} candidates")
    where = "the real rows" if row["set_name"] == _REAL else f"set {row['set_name']}"
    return f"{where}: {words.format(item=item, rows=row['rows'])}"


def _remedy(wrong: pl.DataFrame) -> str:
    """What to do about it, by what it is that should not be."""
    if wrong["kind"].is_in([SEALED_PARENT, SEALED_EXEMPLAR]).any():
        return (
            "A sealed row was shown to a generator: exclude what descends from it (careful exclude), then materialize "
            "what follows"
        )
    return (
        "Take the set out of evaluation.sets, or generate the candidates with another family, other prompts and other "
        "exemplars; then materialize what follows again"
    )


def _never_asked(view: CheckView, ids: int) -> str | None:
    """Why the vault cannot have been asked about all of these ids as they are now; None where it was."""
    made, state = current_versions(view.connection).get("evaluation"), standing_state(view.connection)
    asked = view.table("provenance.openings").filter(
        run_id=made.run_id if made else "",
        stage="evaluation",
        grant_name="VaultProbe",
        operation="sealed_among",
        registry_state=state or "",
    )
    answers = [json.loads(detail or "{}") for detail in asked["detail"].to_list()]
    if ids in [answer.get("asked") for answer in answers if answer.get("outcome") == "done"]:
        return None
    return (
        f"it is not on record that the vault, as it stands, was asked about the {ids} parents and exemplars of now; "
        "materialize evaluation again"
    )


LINEAGE_CHECKS = (
    Check(
        "lineage_is_disjoint",
        1,
        "ER",
        "Do candidates and sealed sets have nothing in common by their records?",
        lineage_is_disjoint,
    ),
)

"""What must hold of the anchors before anything is generated from them."""

from __future__ import annotations

import polars as pl

from careful_assets.provenance.verdicts import Check, CheckView, Verdict


def source_matches_card(view: CheckView) -> Verdict:
    """The source that was read last has the vintage, the digest and the licence that the card declares."""
    sources = view.table("anchors.sources").sort("vintage")
    anchors = view.loaded.card.anchors
    if sources.is_empty():
        return Verdict(False, "nothing was dealt out yet: the rows fail their contract; mend that first")
    source = sources.row(-1, named=True)
    declared = (anchors.vintage, anchors.source.sha256, anchors.licence)
    matches = (source["vintage"], source["sha256"], source["licence"]) == declared
    summary = (
        "the source's vintage, digest and licence are the card's"
        if matches
        else "the source that was read is not the one the card declares, by vintage, digest or licence; "
        "materialize anchors again"
    )
    evidence = {"vintage": source["vintage"], "sha256": source["sha256"], "licence": source["licence"]}
    return Verdict(matches, summary, evidence)


def contract_holds(view: CheckView) -> Verdict:
    """Every critical expectation of the card's contract holds; what it should be, the file says."""
    return _contract_verdict(view, ("critical",))


def contract_advice(view: CheckView) -> Verdict:
    """The same for expectations of severity warning; those of severity info are shown and no more."""
    return _contract_verdict(view, ("warning",))


def _contract_verdict(view: CheckView, severities: tuple[str, ...]) -> Verdict:
    if view.loaded.contract is None:
        return Verdict(True, "the card names no contract: nothing was asked of the rows", {"expectations": 0})
    found = view.table("anchors.contract").sort("expectation")
    if found.is_empty() or set(found["contract_sha256"].to_list()) != {view.loaded.contract_sha256}:
        return Verdict(False, "the rows were not held against the contract as it is now; materialize anchors again")
    asked = found.filter(pl.col("severity").is_in(severities))
    failed = asked.filter(~pl.col("passed"))
    if failed.is_empty():
        return Verdict(True, f"{asked.height} expectations hold", {"expectations": asked.height})
    failures = view.table("anchors.contract_failures").join(failed, on="expectation", how="semi").sort("place")
    first = failed.row(0, named=True)
    where = f" of column {first['column_name']!r}" if first["column_name"] else ""
    said = f"{first['unexpected']:,} of {first['checked']:,} rows" if first["unexpected"] else first["detail"]
    return Verdict(
        False,
        f"{failed.height} of {asked.height} expectations fail, e.g. number {first['expectation']}, {first['type']}"
        f"{where}: {said}. Mend the rows in the source, or mend the contract; the failing rows' ids are in "
        "anchors.contract_failures. Rows that fail are neither dealt out nor sealed",
        {
            "failed": failed.height,
            "failing rows": failures.select("expectation", "row_id", "place").head(10).to_dicts(),
        },
    )


def anchors_conserved(view: CheckView) -> Verdict:
    """No row and no group is lost or counted twice between the source, the open splits and the vault."""
    counts = view.model("anchors/conservation").row(0, named=True)
    if counts["source_rows"] is None:
        return Verdict(False, "nothing was dealt out yet: the rows fail their contract; mend that first")
    rows_hold = counts["open_rows"] + counts["sealed_rows"] == counts["source_rows"]
    once = counts["open_ids"] == counts["open_rows"]
    groups_hold = counts["open_groups"] + counts["sealed_groups"] == counts["source_groups"]
    summary = (
        f"{counts['source_rows']} rows = {counts['open_rows']} open + {counts['sealed_rows']} sealed; "
        f"{counts['source_groups']} groups = {counts['open_groups']} + {counts['sealed_groups']}"
    )
    if not (rows_hold and groups_hold and once):
        repeats = counts["open_rows"] - counts["open_ids"]
        return Verdict(
            False,
            f"rows or groups were lost, stand on two sides or repeat ({repeats} row ids): {summary}; "
            "materialize anchors again",
            counts,
        )
    return Verdict(True, summary, counts)


def vintages_conserved(view: CheckView) -> Verdict:
    """The open rows are those of the vintage before, less those listed as removed, and those listed as added."""
    counts = view.model("anchors/vintage_flow", {"vintage": view.loaded.card.anchors.vintage}).row(0, named=True)
    summary = f"{counts['before']} open rows before - {counts['removed']} removed + {counts['added']} added"
    # The first vintage has none before it, and lists no changes.
    if counts["before"] == 0 or counts["before"] - counts["removed"] + counts["added"] == counts["now"]:
        return Verdict(True, f"{summary} = {counts['now']}" if counts["before"] else "the first vintage", counts)
    return Verdict(False, f"{summary} are not {counts['now']}; materialize anchors again", counts)


def splits_are_disjoint(view: CheckView) -> Verdict:
    """No group and no text stands in two splits, and no vault row lies in the warehouse."""
    shared = view.model("anchors/groups_in_two_splits")
    texts = view.model("anchors/texts_in_two_splits")
    strays = view.model("anchors/rows_outside_splits")
    passed = shared.is_empty() and texts.is_empty() and strays.is_empty()
    summary = (
        "every group and every text stands in one split"
        if passed
        else f"{shared.height} groups and {texts.height} texts stand in two splits, {strays.height} rows in none that "
        "may be open; materialize anchors again"
    )
    evidence = {"groups in two splits": shared.height, "texts in two splits": texts.height, "stray rows": strays.height}
    return Verdict(passed, summary, evidence)


def class_minimums(view: CheckView) -> Verdict:
    """Every class has enough rows in every split, the vault included."""
    minimum = view.loaded.card.anchors.minimum_per_class
    counts = view.model("anchors/class_counts")
    found = {(row["split"], row["label"]): row["n"] for row in counts.iter_rows(named=True)}
    thin = [
        {"split": split, "label": label, "rows": found.get((split, label), 0)}
        for split in ("exemplar", "train", "holdout", "vault")
        for label in view.loaded.card.anchors.labels
        if found.get((split, label), 0) < minimum
    ]
    if not thin:
        return Verdict(True, f"every class has at least {minimum} rows in every split", {"thin": thin})
    first = thin[0]
    return Verdict(
        False,
        f"{len(thin)} classes are too thin, e.g. {first['label']} has {first['rows']} rows in {first['split']}, "
        f"the card asks for {minimum}; collect more anchors, or change the shares in anchors.split",
        {"thin": thin},
    )


def drift_within_limits(view: CheckView) -> Verdict:
    """No measure moved further from the vintage before than the card allows."""
    vintage = view.loaded.card.anchors.vintage
    found = view.table("anchors.drift").filter(pl.col("vintage") == vintage).sort("name")
    over = found.filter(pl.col("value") > pl.col("threshold"))
    evidence = {row["name"]: row["value"] for row in found.iter_rows(named=True)}
    if over.is_empty():
        first = "the first vintage: nothing to compare with"
        return Verdict(True, f"{found.height} measures within the card's limits" if found.height else first, evidence)
    said = ", ".join(
        f"{name} {value:.3f} (limit {limit:g})"
        for name, value, limit in over.select("name", "value", "threshold").iter_rows()
    )
    return Verdict(
        False,
        f"vintage {vintage} moved too far from the one before: {said}; look at the source; if reality moved, raise the "
        "limit in anchors.max_drift and say so in the card",
        evidence,
    )


CHECKS = (
    Check("source_matches_card", 2, "A", "Is this the source that the card declares?", source_matches_card),
    Check("contract_holds", 1, "A", "Do the rows meet their contract?", contract_holds),
    Check("contract_advice", 1, "A", "Do they meet what it advises?", contract_advice, severity="warn"),
    Check("anchors_conserved", 2, "A", "Is every real row and group accounted for, once?", anchors_conserved),
    Check("vintages_conserved", 1, "AL", "Is every change since the last vintage listed?", vintages_conserved),
    Check("splits_are_disjoint", 2, "AE", "Does every group and text stand on one side?", splits_are_disjoint),
    Check("class_minimums", 1, "AE", "Has every class enough rows on every side?", class_minimums),
    Check("drift_within_limits", 1, "AL", "Has the source moved less than the card allows?", drift_within_limits),
)

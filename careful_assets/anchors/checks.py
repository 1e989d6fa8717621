"""What must hold of the anchors before anything is generated from them."""

from __future__ import annotations

from careful_assets.provenance.verdicts import Check, CheckView, Verdict


def source_matches_card(view: CheckView) -> Verdict:
    """The source that was read carries the digest and the licence that the card declares."""
    source = view.table("anchors.sources").row(0, named=True)
    anchors = view.loaded.card.anchors
    matches = source["sha256"] == anchors.source.sha256 and source["licence"] == anchors.licence
    summary = (
        "the source's digest and licence are the card's"
        if matches
        else "the source that was read is not the one the card declares, by digest or licence; "
        "materialize anchors again"
    )
    return Verdict(matches, summary, {"sha256": source["sha256"], "licence": source["licence"]})


def anchors_conserved(view: CheckView) -> Verdict:
    """No row and no group is lost or counted twice between the source, the open splits and the vault."""
    counts = view.model("anchors/conservation").row(0, named=True)
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


def splits_are_disjoint(view: CheckView) -> Verdict:
    """No group stands in two splits, and no vault row lies in the warehouse."""
    shared = view.model("anchors/groups_in_two_splits")
    strays = view.model("anchors/rows_outside_splits")
    passed = shared.is_empty() and strays.is_empty()
    summary = (
        "every group stands in one split"
        if passed
        else f"{shared.height} groups stand in two splits, {strays.height} rows in none that may be open; "
        "materialize anchors again"
    )
    return Verdict(passed, summary, {"groups in two splits": shared.height, "stray rows": strays.height})


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


CHECKS = (
    Check("source_matches_card", 1, "A", "Is this the source that the card declares?", source_matches_card),
    Check("anchors_conserved", 1, "A", "Is every real row and group accounted for, once?", anchors_conserved),
    Check("splits_are_disjoint", 1, "AE", "Does every group stand on one side?", splits_are_disjoint),
    Check("class_minimums", 1, "AE", "Has every class enough rows on every side?", class_minimums),
)

"""What must hold of what was generated: every request accounted for, every row with its whole record."""

from __future__ import annotations

import polars as pl

from careful_assets.provenance.verdicts import Check, CheckView, Verdict

_RECORD = (
    "prompt_id", "prompt_sha256", "rendered_prompt", "generator_id", "generator_family", "generator_digest", "params",
    "seed", "requested_at",
)  # fmt: skip


def requests_accounted_for(view: CheckView) -> Verdict:
    """Every request has an outcome, candidates match the answers, and no more failed than the card allows."""
    requests = view.table("generation.requests")
    broken = view.model("generation/unaccounted").height
    missing = requests.filter(pl.col("status") == "missing").height
    failed = requests.filter(pl.col("status") == "failed").height
    limit = view.loaded.card.generation.max_failed_share
    evidence = {"requests": requests.height, "failed": failed, "missing": missing, "not adding up": broken}
    if requests.is_empty() or missing or broken:
        return Verdict(
            False,
            f"{missing} of {requests.height} requests have no outcome, {broken} do not add up; "
            "materialize generation again",
            evidence,
        )
    answered = requests.height - failed
    summary = f"{answered} of {requests.height} requests were answered, {failed} failed; the card allows {limit:.1%}"
    if failed > limit * requests.height:
        return Verdict(
            False, f"{summary}. See the causes on the asset; materialize generation again to retry", evidence
        )
    return Verdict(True, summary, evidence)


def records_complete(view: CheckView) -> Verdict:
    """Every candidate's request says which model, prompt, seed, parameters and parents made it."""
    orphans = view.model("generation/candidates_without_request").height
    requests = view.table("generation.requests")
    holes = requests.filter(
        pl.any_horizontal(pl.col(_RECORD).is_null())
        | (pl.col("parent_ids").list.len() == 0)
        | (pl.col("rendered_prompt") == "")
    ).height
    twice = requests.height - requests["request_id"].n_unique()
    candidates = view.table("generation.candidates")
    doubles = candidates.height - candidates["row_id"].n_unique()
    if orphans or holes or twice or doubles:
        return Verdict(
            False,
            f"{orphans} candidates without a request, {holes} requests with holes, {twice + doubles} ids that repeat; "
            "materialize generation again",
            {"orphans": orphans, "holes": holes, "repeats": twice + doubles},
        )
    return Verdict(True, f"{candidates.height} candidates carry their whole record", {"candidates": candidates.height})


def parents_are_exemplars(view: CheckView) -> Verdict:
    """No prompt showed the generator anything but exemplars."""
    shown = (
        view.table("generation.requests").select(pl.col("parent_ids").explode().alias("row_id")).drop_nulls().unique()
    )
    exemplars = view.table("anchors.rows").filter(pl.col("split") == "exemplar").select("row_id")
    strangers = shown.join(exemplars, on="row_id", how="anti")
    if strangers.height:
        first = strangers["row_id"].sort()[0]
        return Verdict(
            False,
            f"{strangers.height} rows that are no exemplars were shown in prompts, e.g. {first[:16]}; "
            "materialize generation again",
            {"rows": strangers.height},
        )
    return Verdict(True, f"prompts showed {shown.height} exemplars and nothing else", {"parents": shown.height})


CHECKS = (
    Check("requests_accounted_for", 1, "R", "Is every request accounted for?", requests_accounted_for),
    Check("records_complete", 1, "R", "Has every candidate its whole record?", records_complete),
    Check("parents_are_exemplars", 1, "AE", "Were exemplars alone shown to the generator?", parents_are_exemplars),
)

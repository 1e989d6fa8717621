"""What must hold of what was generated: every request accounted for, every row with its whole record."""

from __future__ import annotations

import polars as pl

from careful_assets.generation.inherited import INHERITED_ROUND, UNKNOWN
from careful_assets.generation.scrubbing import personal_data_in_prompts
from careful_assets.provenance.verdicts import Check, CheckView, Verdict

_RECORD = (
    "prompt_id", "prompt_sha256", "rendered_prompt", "generator_id", "generator_family", "generator_digest", "params",
    "seed",
)  # fmt: skip
_FILE = '"file_digest":"[0-9a-f]{64}"'
_OF_THE_ANSWER = ("answered_at", "prompt_tokens", "completion_tokens", "latency_s")


def requests_accounted_for(view: CheckView) -> Verdict:
    """Every request has an outcome, candidates match the answers, and no more failed than the card allows.

    What a budget held back is an outcome, as long as the card has a budget; so is that a request was erased.
    """
    requests = view.table("generation.requests")
    broken = view.model("generation/unaccounted").height
    by_status = dict(requests.group_by("status").len().iter_rows())
    outcomes = ("answered", "failed", "held_back", "erased")
    answered, failed, held, erased = (by_status.pop(status, 0) for status in outcomes)
    missing = sum(by_status.values())
    settings = view.loaded.card.generation
    evidence = {
        "requests": requests.height, "failed": failed, "held back": held, "erased": erased, "missing": missing,
        "not adding up": broken,
    }  # fmt: skip
    if requests.is_empty() or missing or broken:
        return Verdict(
            False,
            f"{missing} of {requests.height} requests have no outcome, {broken} do not add up; "
            "materialize generation again",
            evidence,
        )
    by_budget = requests.filter(pl.col("status") == "held_back", pl.col("cause").str.starts_with("budget")).height
    if by_budget and settings.budget is None:
        words = f"{by_budget} requests are held back, but the card sets no budget; materialize generation again"
        return Verdict(False, words, evidence)
    summary = f"{answered} of {requests.height} requests were answered, {failed} failed"
    summary += f", {held} were held back" if held else ""
    summary += f", {erased} were erased" if erased else ""
    summary += f"; the card allows {settings.max_failed_share:.1%} to fail"
    # Rows that came in files were asked of nobody.
    if failed > settings.max_failed_share * requests.filter(pl.col("round") != INHERITED_ROUND).height:
        return Verdict(
            False, f"{summary}. See the causes on the asset; materialize generation again to retry", evidence
        )
    return Verdict(True, summary, evidence)


def records_complete(view: CheckView) -> Verdict:
    """Every candidate's request says which model, prompt, seed, parameters and parents made it.

    Of an erased request, which has no candidates, the prompt's text is gone; all else still stands. Of rows that came
    in a file nobody knows prompt and parents: their record is the file.
    """
    orphans = view.model("generation/candidates_without_request").height
    requests = view.table("generation.requests")
    unsent, answered = pl.col("status") == "held_back", pl.col("status") == "answered"
    foreign, parents = pl.col("generator_family") == UNKNOWN.family, pl.col("parent_ids").list.len()
    from_files = (pl.col("round") != INHERITED_ROUND) | (parents > 0) | ~pl.col("params").str.contains(_FILE)
    asked_for = (
        (pl.col("round") == INHERITED_ROUND)
        | (pl.any_horizontal(pl.col(_OF_THE_ANSWER).is_null()) & answered)
        | (parents == 0)
        | ((pl.col("rendered_prompt") == "") != (pl.col("status") == "erased"))
    )
    holes = requests.filter(
        pl.any_horizontal(pl.col(_RECORD).is_null())
        | (pl.col("requested_at").is_null() & ~unsent)
        | pl.when(foreign).then(from_files).otherwise(asked_for)
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
    """No prompt showed the generator anything but exemplars; those that were erased no longer show anything."""
    requests = view.table("generation.requests").filter(pl.col("status") != "erased")
    shown = requests.select(pl.col("parent_ids").explode().alias("row_id")).drop_nulls().unique()
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


def prompts_hold_no_personal_data(view: CheckView) -> Verdict:
    """No recorded prompt shows personal data: every one is searched anew, whatever was masked when it was made."""
    requests = view.table("generation.requests")
    shown = personal_data_in_prompts(requests)
    if shown.height:
        kinds = dict(shown.group_by("kind").agg(pl.col("n").sum()).sort("kind").iter_rows())
        said = ", ".join(f"{kind} {n}" for kind, n in kinds.items())
        return Verdict(
            False,
            f"{shown['request_id'].n_unique()} prompts show personal data ({said}), the first of them request "
            f"{shown['request_id'].sort()[0][:16]}; change the prompt's template if it stands there, and materialize "
            "generation again: exemplars are then masked anew",
            kinds,
        )
    return Verdict(True, f"no personal data was found in {requests.height} prompts", {"prompts": requests.height})


CHECKS = (
    Check("requests_accounted_for", 2, "R", "Is every request accounted for?", requests_accounted_for),
    Check("records_complete", 2, "R", "Has every candidate its whole record?", records_complete),
    Check("parents_are_exemplars", 1, "AE", "Were exemplars alone shown to the generator?", parents_are_exemplars),
    Check("prompts_hold_no_personal_data", 1, "FR", "Do prompts show no personal data?", prompts_hold_no_personal_data),
)

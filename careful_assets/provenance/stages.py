"""The lifecycle: ten stages, what each stands on, and the tables each owns.

Belongs here: names and edges only. What a stage does is in its room.
"""

from __future__ import annotations

from dataclasses import dataclass

STAGES = (
    "anchors",
    "purpose",
    "generation",
    "filtering",
    "labeling",
    "evaluation",
    "training",
    "release",
    "monitoring",
    "retirement",
)

# The true dependencies: what a stage reads. The graph in the UI and the ledger's guard both follow it.
UPSTREAM: dict[str, tuple[str, ...]] = {
    "anchors": (),
    "purpose": ("anchors",),
    "generation": ("anchors", "purpose"),
    "filtering": ("anchors", "generation"),
    "labeling": ("anchors", "generation", "filtering"),
    "evaluation": ("anchors", "generation", "filtering", "labeling"),
    "training": ("anchors", "generation", "labeling", "evaluation"),
    "release": ("anchors", "purpose", "generation", "filtering", "labeling", "evaluation", "training"),
    "monitoring": ("training", "release"),
    "retirement": ("evaluation", "release", "monitoring"),
}


@dataclass(frozen=True)
class StageTable:
    """A table and its volatile columns: those that tell how a run went, not what it made.

    What stands `aside` is no part of the data version: it tells of what later stages made before, and would make the
    stage's data new with every release.
    """

    name: str
    volatile: frozenset[str] = frozenset()
    aside: bool = False


def _table(name: str, *volatile: str) -> StageTable:
    return StageTable(name, frozenset(volatile))


TABLES: dict[str, tuple[StageTable, ...]] = {
    "anchors": (
        _table("anchors.rows"),
        _table("anchors.vault_counts"),
        _table("anchors.sources"),
        _table("anchors.history"),
        _table("anchors.changes", "eval_row_digest"),
        _table("anchors.attributes"),
        _table("anchors.contract"),
        _table("anchors.contract_failures"),
        _table("anchors.profiles"),
        _table("anchors.drift"),
        _table("anchors.evaluation_sets"),
        _table("anchors.set_lineage"),
        _table("anchors.contrasts"),
    ),
    "purpose": (
        _table("purpose.cards"),
        _table("purpose.answers"),
        _table("purpose.gaps"),
        _table("purpose.ruler"),
        _table("purpose.limits"),
        _table("purpose.bias"),
        _table("purpose.simulated"),
    ),
    "generation": (
        _table("generation.candidates", "text_digest"),
        _table(
            "generation.requests",
            "cause",
            "attempts",
            "resent",
            "tokens",
            "cost",
            "requested_at",
            "answered_at",
            "prompt_tokens",
            "completion_tokens",
            "latency_s",
            "answered_by",
            "fingerprint",
            "repaired",
        ),
        _table(
            "generation.forecasts",
            "tokens",
            "cost",
            "seconds",
            "basis",
            "actual_tokens",
            "actual_cost",
            "actual_seconds",
        ),
    ),
    "filtering": (
        _table("filtering.decisions"),
        _table("filtering.own_expectations"),
        _table("filtering.gate_quality"),
        _table("filtering.reject_samples"),
        _table("filtering.traits"),
        _table("filtering.balance"),
        _table("provenance.rounds"),
    ),
    "labeling": (_table("labeling.labels"), _table("labeling.votes"), _table("labeling.agreement")),
    "evaluation": (
        _table("evaluation.leaks", "eval_row_digest"),
        _table("evaluation.detectors", "cause"),
        _table("evaluation.measures"),
        _table("evaluation.lineage_leaks", "item"),
        _table("evaluation.detector_quality"),
        _table("evaluation.detector_curves"),
        _table("evaluation.ruler"),
        StageTable("evaluation.release_leaks", aside=True),
        StageTable("evaluation.release_scans", aside=True),
    ),
    "training": (
        _table("training.results"),
        _table("training.mixes", "model_digest"),
        _table("training.slices", "frozen_at"),
    ),
    "release": (_table("release.rows"), _table("release.releases", "folder_digest", "made_at", "retired_at")),
    "monitoring": (_table("monitoring.observations"),),
    "retirement": (_table("retirement.statuses"),),
}

# What a stage adds to and never rewrites: records of what people decided, and of what earlier runs came to, numbered by
# their column `seq`. They are not part of the stage's data version: what was decided shows in what the stage makes.
LOGS: dict[str, tuple[str, ...]] = {
    "filtering": ("filtering.overrides", "filtering.exclusions", "filtering.reason_rates"),
    "labeling": ("labeling.reviews",),
    "training": ("training.runs", "training.records"),
}


def ancestors(stage: str) -> tuple[str, ...]:
    """Every stage that `stage` stands on, directly or not, in lifecycle order."""
    found: set[str] = set()
    waiting = list(UPSTREAM[stage])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(UPSTREAM[name])
    return tuple(name for name in STAGES if name in found)

"""The manifest, the machine-readable label on the crate: what it is, who made it, how, and what it may be used for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from careful_assets.card.overrides import gates_now
from careful_assets.provenance.stage import Inputs, StageContext
from careful_assets.release.rows import Contents
from careful_assets.warehouse.canary_registry import RegisteredCanary

FORMAT = "careful-assets-release/1"


def manifest_of(
    context: StageContext,
    inputs: Inputs,
    contents: Contents,
    version: str,
    parent: str | None,
    content: str,
    canaries: Sequence[RegisteredCanary] = (),
) -> dict[str, Any]:
    """The manifest but for the files' digests, which the folder adds as it is written."""
    card, profile = context.card, context.profile
    gates = gates_now(profile.gates, inputs.model("filtering/latest_overrides").to_dicts())
    origins = dict(contents.rows.group_by("origin").len().iter_rows())
    reviewed = contents.records["reviewer"].count()
    made = inputs.table("generation.candidates").join(inputs.table("generation.requests"), on="request_id")
    return {
        "format": FORMAT,
        "name": card.name,
        "title": card.title,
        "version": version,
        "parent_version": parent,
        "content_digest": content,
        "card_digest": context.loaded.digest,
        "profile_digest": profile.digest,
        "owner": card.owner.model_dump(),
        "purpose": card.purpose.model_dump(mode="json"),
        "cell": card.purpose.cell,
        "use_limits": card.use_limits.model_dump(mode="json"),
        "max_synthetic_share": card.training.max_synthetic_share,
        "rows": {"real": origins.get("real", 0), "generated": origins.get("generated", 0)},
        "labels": _counts(contents.rows, ["label", "origin"]),
        "label_sources": _counts(contents.records, ["label_source"]),
        "reviewed_rows": reviewed,
        "labels_checked_by_people": 0 < reviewed == origins.get("generated", 0),
        "anchors": {
            **inputs.table("anchors.sources").sort("vintage").drop("sealed_rows", "sealed_groups").row(-1, named=True),
            "citation": card.anchors.citation,
        },
        "ruler": {
            "registry_state": inputs.table("anchors.vault_counts")["registry_state"][0],
            "rows": int(inputs.table("anchors.vault_counts")["n"].sum()),
        },
        "generators": _counts(made, ["generator_id", "generator_family", "generator_revision", "generator_digest"]),
        "prompts": [{"prompt_id": prompt.prompt_id, "sha256": prompt.sha256} for prompt in context.loaded.prompts],
        "parameters": card.generation.parameters.model_dump(),
        "seed": card.generation.seed,
        "inherited": _inherited(inputs, contents),
        "excluded": inputs.model("filtering/standing_exclusions").drop("seq").to_dicts(),
        "gates": [setting.model_dump() for setting in gates.settings],
        "rejected": _counts(contents.rejects, ["stage", "gate", "reason"]),
        "judges": card.labeling.judges,
        "agreement": inputs.table("labeling.agreement").select("name", "value", "n").to_dicts(),
        "leak_detectors": inputs.table("evaluation.detectors").select("detector", "version", "ran").to_dicts(),
        # No part of the content: they hang on the vault's key.
        "canaries": [{"digest": one.digest, "text": one.text} for one in canaries],
        "lifecycle": card.lifecycle.model_dump(mode="json"),
    }


def _inherited(inputs: Inputs, contents: Contents) -> list[dict[str, Any]]:
    """The files in which rows of unknown origin came that are released, and how many rows of each."""
    files = inputs.model("release/inherited_files")
    return _counts(files.join(contents.rows, on="row_id", how="semi"), ["file_name", "file_digest"])


def _counts(frame: pl.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    return frame.group_by(columns).len("rows").sort(columns, nulls_last=True).to_dicts()

"""The contents of small releases, as the release stage would gather them."""

from __future__ import annotations

from typing import Any

import polars as pl

from careful_assets.provenance.release_content import content_digest
from careful_assets.release.rows import Contents

ROWS = pl.DataFrame(
    {
        "row_id": ["a1", "a2", "g1", "g2"],
        "text": ["it broke", "it smokes", "it fell apart", "never again, \u00e9 \u2603"],
        "label": ["bad", "bad", "bad", "fair"],
        "split": ["train"] * 4,
        "origin": ["real", "real", "generated", "generated"],
    }
)
RECORDS = pl.DataFrame(
    {
        "row_id": ["g1", "g2"],
        "generator_digest": ["d1", "d1"],
        "prompt_sha256": ["p1", "p2"],
        "params": ['{"t":1}', '{"t":2}'],
        "seed": [7, 8],
        "parent_ids": [["a1"], ["a1", "a2"]],
        "label_source": ["judge", "consensus"],
    }
)
REJECTS = pl.DataFrame({"row_id": ["g3"], "text": ["x"], "stage": ["filtering"], "gate": ["format"], "reason": ["r"]})
CONTENTS = Contents(ROWS, RECORDS, REJECTS)


def manifest(contents: Contents = CONTENTS) -> dict[str, Any]:
    """As much of a manifest as the folder needs."""
    rows, records = contents.rows, contents.records
    generated = rows.filter(origin="generated").height
    return {
        "name": "reviews", "version": "1.0.0", "content_digest": content_digest(rows, records),
        "rows": {"real": rows.height - generated, "generated": generated},
        "labels": rows.group_by("label", "origin").len("rows").sort("label", "origin").to_dicts(),
        "label_sources": records.group_by("label_source").len("rows").sort("label_source").to_dicts(),
    }  # fmt: skip

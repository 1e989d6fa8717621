"""Votes: each judge, fitted on the anchors, gives each row one label.

Belongs here: running judges and holding them to their contract. Does not belong here: how a judge decides
(`judges/`), and what the votes amount to (`dbt_like_sql/models/labeling/confirmations.sql`).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from careful_assets.errors import Refused, StageFailed
from careful_assets.labeling.judge import Judge, Vote
from careful_assets.labeling.judges import JUDGES

VOTES = pl.Schema(
    {
        "row_id": pl.String,
        "judge": pl.String,
        "family": pl.String,
        "label": pl.String,
        "confidence": pl.Float64,
    }
)


def collect_votes(rows: pl.DataFrame, anchors: pl.DataFrame, judge_names: Sequence[str]) -> pl.DataFrame:
    """One vote a row and judge: the table `labeling.votes`, sorted by row_id and judge.

    The result does not depend on the order of `rows` or `anchors`.

    Args:
        rows: what is voted on; `row_id` and `text`.
        anchors: the real rows that judges learn from; `row_id`, `text` and `label`.
        judge_names: at least one name of `JUDGES`, each once.

    Raises:
        Refused: there is no judge of a name.
        StageFailed: the anchors hold fewer than two labels, or a judge broke its contract.
    """
    if unknown := sorted(set(judge_names) - set(JUDGES)):
        raise Refused(
            f"labeling.judges names {', '.join(unknown)}, which do not exist; known judges: {', '.join(sorted(JUDGES))}"
        )
    labels = set(anchors["label"])
    if len(labels) < 2:
        raise StageFailed(
            f"judges need anchors of two labels to learn from and got {len(labels)}; "
            "look at anchors.labels and anchors.split in the card"
        )
    rows, anchors = rows.sort("row_id"), anchors.sort("row_id", "text", "label")
    frames = [VOTES.to_frame()]
    for name in judge_names:
        judge = JUDGES[name]()
        judge.fit(anchors)
        votes = judge.vote(rows["text"].to_list())
        _hold_to_contract(judge, votes, rows.height, labels)
        frames.append(_frame(judge, rows["row_id"], votes))
    return pl.concat(frames).sort("row_id", "judge")


def _hold_to_contract(judge: Judge, votes: list[Vote], rows: int, labels: set[str]) -> None:
    if len(votes) != rows:
        raise StageFailed(
            f"judge {judge.name} gave {len(votes)} votes on {rows} rows; nothing was recorded. "
            "A judge gives one vote a row, in the rows' order: mend the judge"
        )
    for vote in votes:
        if vote.label not in labels or not 0 <= vote.confidence <= 1:
            raise StageFailed(
                f"judge {judge.name} voted {vote.label!r} with confidence {vote.confidence}; nothing was "
                f"recorded. Votes are one of {', '.join(sorted(labels))}, with confidence in [0, 1]: mend the judge"
            )


def _frame(judge: Judge, row_ids: pl.Series, votes: list[Vote]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "row_id": row_ids,
            "judge": [judge.name] * len(votes),
            "family": [judge.family] * len(votes),
            "label": [vote.label for vote in votes],
            "confidence": [vote.confidence for vote in votes],
        },
        schema=VOTES,
    )

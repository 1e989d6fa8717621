"""Refusing to ask for what people excluded: a second read against the flow, of filtering's exclusions.

Belongs here: the refusal before a round is sent. Does not belong here: excluding rows (filtering's gate `excluded`).
A round that would ask an excluded generator or prompt is refused whole: the card should say what is asked. Requests
that show an excluded anchor, or whose seeds fall into an excluded range, are asked: plans of recorded rounds rest on
exemplars and seeds, and the gate refuses the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from careful_assets.errors import Refused
from careful_assets.llm.requests import Request


def refuse_excluded(
    name: str, to_send: Sequence[Request], settled: Collection[str], standing: pl.DataFrame, kept: int
) -> None:  # fmt: skip
    """See that no request goes to an excluded generator or with an excluded prompt.

    Args:
        name: the dataset's.
        to_send: the requests of the open round.
        settled: ids of those that are answered already.
        standing: the model `filtering/standing_exclusions`.
        kept: rows that filtering kept of the rounds before, which the dataset could go on with.

    Raises:
        Refused: one would.
    """
    rows = standing.select("kind", "item", "seq", "reason").iter_rows()
    excluded = {(kind, item): (seq, reason) for kind, item, seq, reason in rows}
    if not excluded:
        return
    found: dict[str, None] = {}
    for request in to_send:
        if request.request_id not in settled:
            for kind, known_as in _names(request):
                for item in known_as:
                    if (kind, item) in excluded:
                        seq, reason = excluded[kind, item]
                        found[f"{kind} {known_as[0]} (exclusion {seq}: {reason})"] = None
    if found:
        round_number = to_send[0].round
        settle = (
            f"set generation.max_rounds to {round_number - 1} to go on with the {kept} rows that are kept"
            if kept
            else "setting generation.max_rounds back makes no version, since no row is kept"
        )
        raise Refused(
            f"card {name}: round {round_number} would ask for what people excluded: {'; '.join(found)}; nothing was "
            f"sent. Name another one in the card and run `careful run {name}`; or withdraw the exclusion with "
            f"`careful exclude {name} ... --withdraw --reason ...`, with this card or the one before, and run it then; "
            f"{settle}"
        )


def _names(request: Request) -> tuple[tuple[str, tuple[str, str]], ...]:
    """What exclusions know a request's generator and prompt by: id, then digest."""
    return (
        ("generator", (request.generator_id, request.generator_digest)),
        ("prompt", (request.prompt_id, request.prompt_sha256)),
    )

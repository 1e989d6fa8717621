"""Personal data kept out of prompts: exemplars masked before they are shown, and recorded prompts looked at anew.

Belongs here: what is masked and what counts as a breach. Does not belong here: what personal data is
(`text.personal_data`) and the verdict on it (`checks`). What is masked is the one line that a prompt shows, so that
nothing comes together behind the finder's back when lines are joined.
"""

from __future__ import annotations

from collections import Counter

import polars as pl

from careful_assets.generation.prompts import one_line
from careful_assets.text.personal_data.finder import find, mask

_FOUND: dict[str, pl.DataType | type[pl.DataType]] = {"request_id": pl.String, "kind": pl.String, "n": pl.Int64}


def scrub(text: str) -> str:
    """`text` as a prompt shows it: on one line, each piece of personal data as its kind in brackets ("[email]")."""
    line = one_line(text)
    return mask(line, find(line))


def personal_data_in_prompts(requests: pl.DataFrame) -> pl.DataFrame:
    """What personal data the recorded prompts show: `request_id`, `kind`, `n`; no row if they show none.

    `requests`: request_id, rendered_prompt, as in `generation.requests`. Prompts are read line by line, each line
    once: exemplars recur. A line of the template counts as well: whoever wrote it there sends it to the generator.
    """
    seen: dict[str, Counter[str]] = {}
    rows = []
    for request_id, prompt in requests.select("request_id", "rendered_prompt").sort("request_id").iter_rows():
        found: Counter[str] = Counter()
        for line in (prompt or "").splitlines():
            if line not in seen:
                seen[line] = Counter(one.kind for one in find(line))
            found += seen[line]
        rows += [(request_id, kind, n) for kind, n in sorted(found.items())]
    return pl.DataFrame(rows, schema=_FOUND, orient="row")

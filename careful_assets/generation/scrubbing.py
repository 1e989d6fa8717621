"""Personal data kept out of prompts and candidates: exemplars masked before they are shown, answers before they are
stored, and recorded prompts looked at anew.

Belongs here: what is masked and what counts as a breach. Does not belong here: what personal data is
(`text.personal_data`) and the verdict on it (`checks`, and filtering's gate). What is masked of an exemplar is the one
line that a prompt shows, so that nothing comes together behind the finder's back when lines are joined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import polars as pl

from careful_assets.generation.prompts import one_line
from careful_assets.text.personal_data.finder import find, mask
from careful_assets.text.personal_data.spans import REFUSED

_LOOKS = 4
"""How often a text is looked at again: a name that stays lets what stands about it be read otherwise."""
_FOUND: dict[str, pl.DataType | type[pl.DataType]] = {"request_id": pl.String, "kind": pl.String, "n": pl.Int64}


def scrub(text: str) -> str:
    """`text` as a prompt shows it: on one line, each piece of personal data as its kind in brackets ("[email]")."""
    line = one_line(text)
    return mask(line, find(line))


def without_refused(text: str, kinds: Collection[str]) -> str:
    """`text`, in which these kinds were found, with what a cell may refuse as its kind in brackets; names stay.

    Nothing of those kinds is found in what is left.
    """
    if REFUSED.isdisjoint(kinds):
        return text
    for _ in range(_LOOKS):
        refused = [one for one in find(text) if one.kind in REFUSED]
        if not refused:
            return text
        text = mask(text, refused)
    # What still shows something new with every look is hostile: with its names masked as well, nothing is left.
    return mask(text, find(text))


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

"""Finding and masking: all finders over one text, their spans made one list without overlaps.

Belongs here: how findings of several kinds become one answer. Does not belong here: what tells a kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from careful_assets.text.personal_data.accounts import account_numbers
from careful_assets.text.personal_data.addresses import addresses
from careful_assets.text.personal_data.cards import cards, ibans
from careful_assets.text.personal_data.internet import emails, ip_addresses
from careful_assets.text.personal_data.names import names
from careful_assets.text.personal_data.national_ids import national_ids
from careful_assets.text.personal_data.phones import phones
from careful_assets.text.personal_data.reading import read
from careful_assets.text.personal_data.spans import KINDS, Finder, Finding

# The order decides which kind is told where two findings overlap and nothing else sets them apart.
_FINDERS: tuple[Finder, ...] = (
    ip_addresses, ibans, cards, national_ids, emails, phones, addresses, account_numbers, names,
)  # fmt: skip
_NEED_DIGITS = frozenset({ibans, cards, national_ids, phones, account_numbers})
# Most texts hold no number as long as the shortest that counts: one look spares them five finders.
_FEWEST_DIGITS = re.compile(r"(?:\d\D*){5}")
_MASK = re.compile(rf"\[(?:{'|'.join(KINDS)})\]")
_PASSES = 4
"""How often the text between findings is looked at again. Real texts need two."""


def find(text: str) -> list[Finding]:
    """The personal data in `text`, in order, without overlaps; offsets are those of the text as it stands.

    Overlapping spans become one that covers them all, so that no rest of a number is left over. It bears the kind and
    basis of the strongest: one with a check digit, else one that is no name, else the longest, else one that words tell
    ("account 2125550123").
    What is masked already, "[email]" for example, is no finding, and nothing reaches across it:
    `find(mask(text, find(text)))` is empty.

    Total: any string, in time linear in its length; never raises.
    """
    found: list[Finding] = []
    open_spans = list(_between(0, len(text), [match.span() for match in _MASK.finditer(text)]))
    for left in reversed(range(_PASSES)):
        looked_at = [(span, _merged(_found_in(text, *span))) for span in open_spans]
        open_spans = []
        for (start, end), findings in looked_at:
            if findings and not left:
                # Still finding after this many passes is hostile text: all of the rest goes under the mask.
                found.append(Finding(findings[0].kind, start, end, findings[0].basis))
            elif findings:
                found += findings
                open_spans += _between(start, end, [(one.start, one.end) for one in findings])
    return sorted(found, key=lambda one: one.start)


def mask(text: str, findings: Sequence[Finding]) -> str:
    """`text` with each finding's span replaced by its kind in brackets, such as "[email]"."""
    parts, done = [], 0
    for one in findings:
        parts += [text[done : one.start], f"[{one.kind}]"]
        done = one.end
    return "".join([*parts, text[done:]])


def kinds_in(text: str) -> list[str]:
    """The kinds of personal data found in `text`, sorted, each once: what a row's record says of it."""
    return sorted({one.kind for one in find(text)})


def _found_in(text: str, start: int, end: int) -> Iterator[Finding]:
    reading = read(text[start:end])
    has_number = bool(_FEWEST_DIGITS.search(reading.text))
    for finder in _FINDERS:
        if finder in _NEED_DIGITS and not has_number:
            continue
        for one in finder(reading.text):
            first, last = reading.span(one.start, one.end)
            yield Finding(one.kind, start + first, start + last, one.basis)


def _between(start: int, end: int, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The parts of `start:end` that lie outside of `spans`, which are in order."""
    edges = [start, *(edge for span in spans for edge in span), end]
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if first < last:
            yield first, last


def _merged(findings: Iterator[Finding]) -> list[Finding]:
    """Overlapping findings as one, of the strongest one's kind."""
    clusters: list[list[Finding]] = []
    reached = 0
    for one in sorted(findings, key=lambda one: one.start):
        if clusters and one.start < reached:
            clusters[-1].append(one)
        else:
            clusters.append([one])
        reached = max(reached, one.end)
    merged = []
    for cluster in clusters:
        best = min(cluster, key=_weakness)
        merged.append(Finding(best.kind, cluster[0].start, max(one.end for one in cluster), best.basis))
    return merged


def _weakness(one: Finding) -> tuple[bool, bool, int, bool]:
    # What holds more than a name must not pass for one: names are masked, and refused, more sparingly.
    return one.basis != "checksum", one.kind == "name", one.start - one.end, one.basis != "context"

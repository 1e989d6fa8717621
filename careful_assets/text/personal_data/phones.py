"""Telephone numbers: valid ones by their country's numbering plan, others by the words beside them.

Belongs here: what phonenumbers (a port of libphonenumber) takes for a valid number of the regions read, or of any
country behind a plus sign, and digits that a text calls a telephone. Does not belong here: extensions and short codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from careful_assets.text.personal_data.spans import Finding, close_before, is_version

_REGIONS = ("US", "GB")
"""Whose national forms are read; the plus sign opens every other country. The US stands for all of North America."""
_RUN = re.compile(r"(?:\+ ?|\( ?\+? ?)?\d(?:[ ().\-/~]{0,4}\d){6,}")
_MOST_DIGITS = 15  # ITU-T E.164
# Several numbers in a row, or a table: too many digits for one number. The library would take time and find nothing.
_IN_A_ROW = re.compile(
    r"(?<!\d)(?:(?:1[ .-]?)?\(?\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}|0\d{2,4}[ .-]?\d{3,4}[ .-]?\d{3,6}|"
    r"\(0\d{2,4}\) ?\d{3,4} ?\d{3,4})"
    r"(?!\d)"
)
_CALLED = re.compile(
    r"\b(?:tel|telephone|phone|phone number|mobile|cell|cellphone|cell phone|fax|whats ?app|telefon|handy|call|"
    r"called|ring|text|dial|reach|number to call|hotline|contact)\b[^\d\n]{0,16}\Z",
    re.IGNORECASE,
)
_MONEY = re.compile(r"[$€£#]\s?\Z")
# Dates, the hour with them, and years: "2004-10-12 03", "12/10/2004", "1999-2004".
_DATE = re.compile(
    r"(?:19|20)\d\d[ ./-]\d{1,2}[ ./-]\d{1,2}(?: \d{1,2})?|\d{1,2}[ ./-]\d{1,2}[ ./-](?:19|20)\d\d|"
    r"(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d"
)


def phones(text: str) -> Iterator[Finding]:
    """Telephone numbers, national ones of North America and Britain, international ones of everywhere."""
    for run in _RUN.finditer(text):
        start, end = run.span()
        if _DATE.fullmatch(run.group()) or is_version(text, start):
            continue
        if _MONEY.search(close_before(text, start, 2)):
            continue
        if sum(map(str.isdigit, run.group())) > _MOST_DIGITS:
            yield from _in_a_row(text, start, end)
            continue
        if _CALLED.search(close_before(text, start, 40)):
            yield Finding("phone", start, end, "context")
        yield from _valid(text, start, end)


def _valid(text: str, start: int, end: int) -> Iterator[Finding]:
    """Valid numbers in a run, which is shown with its neighbours: a letter before it makes it a part number."""
    from phonenumbers import PhoneNumberMatcher

    first = max(0, start - 1)
    for region in _REGIONS:
        for match in PhoneNumberMatcher(text[first : end + 1], region):
            yield Finding("phone", first + match.start, first + match.end, "pattern")


def _in_a_row(text: str, start: int, end: int) -> Iterator[Finding]:
    """Numbers among more digits than one number has, by their usual groups."""
    if "+" in text[start : start + 3]:
        # As many whole groups as make a valid number, the most first.
        for cut in range(min(end, start + 28), start + 7, -1):
            whole = cut == len(text) or not text[cut].isdigit()
            if whole and text[cut - 1].isdigit() and _is_number(text[start:cut]):
                yield Finding("phone", start, cut, "pattern")
                start = cut
                break
    for match in _IN_A_ROW.finditer(text, start, end):
        if _is_number(match.group()):
            yield Finding("phone", *match.span(), "pattern")


def _is_number(text: str) -> bool:
    from phonenumbers import NumberParseException, is_valid_number, parse

    for region in _REGIONS:
        try:
            if is_valid_number(parse(text, region)):
                return True
        except NumberParseException:
            continue
    return False

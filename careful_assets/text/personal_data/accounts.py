"""Account numbers: digits that a text calls an account.

Belongs here: bank and customer accounts, sort codes and routing numbers, told by the words beside them; the digits
themselves follow no rule that holds across banks. Does not belong here: IBANs (`cards`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from careful_assets.text.personal_data.spans import Finding, close_after, close_before

_WORDS = (
    r"account|accounts|acct|accnt|a/c|acc|konto|kontonummer|kontonr|ktnr|compte|cuenta|conto|conta|rekening|"
    r"rekeningnummer|iban|sort[ -]?code|routing|aba|bsb|blz|bankleitzahl|bank number|bank details"
)
_BEFORE = re.compile(rf"(?<!\w)(?:{_WORDS})(?![\w/])(?P<between>[^\d\n;!?$€£]{{0,40}})\Z", re.IGNORECASE)
# Between the word and five digits stand but a few words; six digits and more may come later in the sentence.
_CLOSE = re.compile(r"\.?(?:[ ,:#=()-]|(?:numbers?|num|no|nr)\.?|id|is|was|are|my|the|de|du|della)*", re.IGNORECASE)
_AFTER = re.compile(
    r"\A[ ,(]{0,3}(?:(?:is|was|as|being|my|our|your|his|her|their|the|a|bank|savings|checking|current|giro)\b ?){0,5}"
    rf"(?:{_WORDS})(?!\w)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    rf"(?<![\w.,$€£])(?:(?!(?i:{_WORDS})\b)[A-Z]{{1,3}} ?)?\d(?:[ .\-/]?\d|[A-Z](?=\d)){{4,22}}(?!\w|[.,]\d)"
)
_DATE = re.compile(r"(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d|\d{1,2}/\d{1,2}/\d\d")
_SENTENCE_END = re.compile(r"(?<!\bno)(?<!\bnr)(?<!acc)(?<!acct)(?<!\A)\. ", re.IGNORECASE)


def account_numbers(text: str) -> Iterator[Finding]:
    """Numbers of 5 to 23 digits with a word for an account close before them, or right after."""
    for number in _NUMBER.finditer(text):
        if not _DATE.fullmatch(number.group()) and _is_called_account(text, number):
            yield Finding("account_number", *number.span(), "context")


def _is_called_account(text: str, number: re.Match[str]) -> bool:
    before = _BEFORE.search(close_before(text, number.start(), 60))
    if before:
        between = before["between"]
        long = sum(map(str.isdigit, number.group())) > 5
        if _CLOSE.fullmatch(between) or (long and not _SENTENCE_END.search(between)):
            return True
    return bool(_AFTER.search(close_after(text, number.end(), 60)))

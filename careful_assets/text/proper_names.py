"""Names in a text that stand for someone: persons and companies, as words that can be looked up in other texts.

Belongs here: what counts as such a name, and which names occur in a body of texts. Does not belong here: what a
person's name looks like (`personal_data.names`), and what follows from a name that occurs nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from careful_assets.text.normalize import tokens

_CAPITALIZED = r"[A-ZÀ-ÖØ-Þ][\w'&-]{0,30}"
# Legal forms that are no other word as they are written here; "Co", "AB", "KG", "NV" and "PLC" are.
_FORM = (
    r"Inc|Incorporated|Ltd|Limited(?! [A-Z])|LLC|L\.L\.C|LLP|Corp|Corporation|plc|GmbH|AG|S\.A|SARL|S\.p\.A|SpA|B\.V|"
    r"N\.V|Oyj|ApS|Pty"
)
# Words that end a company's name only behind another capitalized one ("Nordic Electronics").
_TRADE = (
    r"Electronics|Technologies|Industries|Enterprises|Holdings|Systems|Solutions|Laboratories|Computers|Appliances|"
    r"Telecom|Communications|Networks|Logistics|Brothers|Bros"
)
_COMPANY = re.compile(rf"(?<!\w)({_CAPITALIZED}(?: (?:& )?{_CAPITALIZED}){{0,2}}?),? (?:{_FORM}|{_TRADE})(?!\w)")


@dataclass(frozen=True)
class ProperName:
    """A name at `start:end` of a text (characters, end excluded); `words` are its tokens, without a company's form."""

    kind: Literal["person", "company"]
    start: int
    end: int
    words: tuple[str, ...]


def persons(text: str) -> Iterator[ProperName]:
    """Names of persons, in order; masked ones, "[name]", are none."""
    from careful_assets.text.personal_data.finder import find

    for one in find(text):
        if one.kind == "name":
            yield ProperName("person", one.start, one.end, _words(text[one.start : one.end]))


def companies(text: str) -> Iterator[ProperName]:
    """Names of companies, in order: capitalized words before a legal form or a trade's word.

    Where everything is in capitals, they tell nothing.
    """
    for match in _COMPANY.finditer(text):
        if any(map(str.islower, match.group())):
            yield ProperName("company", *match.span(), _words(match.group(1)))


def known_words(wanted: Collection[tuple[str, ...]], texts: Iterable[str]) -> set[tuple[str, ...]]:
    """Those of the word sequences that stand, side by side and in order, in one of the texts at least.

    One pass over the texts, in time linear in their words.
    """
    by_first: dict[str, set[tuple[str, ...]]] = {}
    for words in wanted:
        if words:
            by_first.setdefault(words[0], set()).add(words)
    found: set[tuple[str, ...]] = set()
    if not by_first:
        return found
    for text in texts:
        have = [_plain(word) for word in tokens(text)]
        for place, word in enumerate(have):
            for words in by_first.get(word, ()):
                if tuple(have[place : place + len(words)]) == words:
                    found.add(words)
    return found


def _words(name: str) -> tuple[str, ...]:
    return tuple(_plain(word) for word in tokens(name))


def _plain(word: str) -> str:
    return word.removesuffix("'s")

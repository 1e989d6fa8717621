"""Names of persons: given names from a list of our own, and whatever a text introduces as a name.

Belongs here: the contexts that make a word a name. Does not belong here: surnames by themselves, and names that no
list or context gives away. Given names that are also words, months or makes ("Mark", "April", "Mercedes") count only
in a context. `given_names.txt` holds those that stand alone, `ambiguous_names.txt` the others, `surnames.txt` those
that make a lower-case given name a person's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from careful_assets.text.personal_data.spans import Finding

_NAME = r"[A-Za-z][A-Za-z'-]{1,30}"
_CAPITALIZED = r"[A-Z][a-z'-]{1,30}(?:[A-Z][a-z'-]{1,20})?"
_INITIAL = r"(?:[A-Z]\.? )?"
# What says that a name follows: the words, and whether any word is one then, or only a listed name.
_SAYS = re.compile(
    r"\b(?:my|his|her|whose|the|full|first|last|real) (?:full |first |last |real )?name(?: is|'s| was|:)|\bname ?: ?|"
    r"\b(?:mr|mrs|mister)\.? |\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Sir|Madam|Herr|Frau|Monsieur|Madame|Senor|Senora)\.? ",
    re.IGNORECASE,
)
_CAPITAL_TITLES = ("ms", "miss", "dr", "prof", "sir", "madam", "herr", "frau", "monsieur", "madame", "senor", "senora")
_SUGGESTS = re.compile(
    r"\b(?:i am|i'm|this is|it's|named|called|by|call me|ask for|asked for|spoke (?:to|with)|talked (?:to|with)|"
    r"speak (?:to|with)|dealt with|email from|"
    r"(?:my|our|his|her|their) (?:wife|husband|son|daughter|brother|sister|friend|boss|neighbou?r|colleague|mother|"
    r"father|mom|mum|dad|partner|fiancee?|girlfriend|boyfriend|cousin|uncle|aunt|nephew|niece|assistant|doctor)|"
    r"dear|hi|hello|hey|signed|sincerely|regards|cheers|yours|love|thanks|thank you|contact|customer|patient|client)"
    r"[ ,:-]{1,3}\n? ?(?:- ?)?",
    re.IGNORECASE,
)
_PAIR = re.compile(rf"\b({_CAPITALIZED}) {_INITIAL}({_CAPITALIZED})\b")
_WORDS = re.compile(rf"\b{_NAME}\b")
_FOLLOWS = re.compile(rf" ?({_NAME})((?: [A-Z]\.?)? {_NAME})?((?: {_NAME})?)")


def names(text: str) -> Iterator[Finding]:
    """Names of persons, told by lists and context."""
    yield from _announced(text)
    # A make's name keeps its place but is no word any more.
    rest = _makes().sub(lambda make: "\0" * len(make.group()), text)
    yield from _suggested(rest)
    yield from _paired(rest)
    yield from _alone(rest)


def _announced(text: str) -> Iterator[Finding]:
    """What "my name is" or a title stands before, listed or not."""
    for cue in _SAYS.finditer(text):
        title = cue.group().strip(" .").lower()
        if title in _CAPITAL_TITLES and not cue.group()[0].isupper():
            continue
        words = _FOLLOWS.match(text, cue.end())
        if words and _may_be_name(words.group(1)) and (title not in _CAPITAL_TITLES or words.group(1)[0].isupper()):
            yield Finding("name", words.start(1), _end_of_name(words), "context")


def _suggested(text: str) -> Iterator[Finding]:
    """Listed names behind words that people put before names."""
    for cue in _SUGGESTS.finditer(text):
        words = _FOLLOWS.match(text, cue.end())
        # "thanks will do": a word that is also a name is one here only with a capital.
        names_here = ("given_names", "ambiguous_names") if words and words.group(1)[0].isupper() else ("given_names",)
        if words and _plainly(words.group(1)) in _listed(*names_here):
            yield Finding("name", words.start(1), _end_of_name(words), "context")


def _end_of_name(words: re.Match[str]) -> int:
    """Where the name ends: with its first word, or with the next ones that look like names too."""
    end = words.end(1)
    for group in (2, 3):
        word = (words.group(group) or "").split(" ")[-1]
        if not word or not _may_be_name(word) or (word[0].islower() and _plainly(word) not in _listed("surnames")):
            break
        end = words.end(group)
    return end


def _paired(text: str) -> Iterator[Finding]:
    """A listed given name and a surname, both capitalized: "Ann Miller", "Mark Miller"."""
    at = 0
    while match := _PAIR.search(text, at):
        given, surname = _plainly(match.group(1)), _plainly(match.group(2))
        doubtful = given in _listed("ambiguous_names") and surname in _listed("surnames")
        if (given in _listed("given_names") or doubtful) and _may_be_name(surname):
            yield Finding("name", *match.span(), "context")
            at = match.end()
        else:
            at = match.end(1)


def _alone(text: str) -> Iterator[Finding]:
    """A capitalized given name that is no other word, or one in lower case before a common surname."""
    for match in _WORDS.finditer(text):
        word = match.group().removesuffix("'s")
        if word.lower() not in _listed("given_names"):
            continue
        after = _WORDS.match(text, match.end() + 1)
        surname = after.group().removesuffix("'s").lower() if after else ""
        if after and surname in _listed("surnames") and text[match.end()] == " ":
            yield Finding("name", match.start(), match.start() + len(word) + 1 + len(surname), "context")
        elif word[0].isupper() and not word.isupper():
            yield Finding("name", match.start(), match.start() + len(word), "context")


def _may_be_name(word: str) -> bool:
    return _plainly(word) not in _listed("no_names")


def _plainly(word: str) -> str:
    return word.lower().removesuffix("'s")


@cache
def _makes() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(_list('makes'))))})\b", re.IGNORECASE)


@cache
def _list(name: str) -> frozenset[str]:
    lines = Path(__file__).with_name(f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(one.strip() for line in lines if not line.startswith("#") for one in line.split(","))


@cache
def _listed(*names_of_lists: str) -> frozenset[str]:
    """The entries of the lists together."""
    return frozenset().union(*map(_list, names_of_lists))

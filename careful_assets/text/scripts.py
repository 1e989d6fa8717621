"""Words of two scripts whose letters look alike, by which one word passes for another (UTS #39, "confusables").

Belongs here: Latin with Cyrillic or Greek look-alikes. Does not belong here: words of two scripts that nobody can
mistake ("wifi" with a Russian ending, a unit with a Greek letter), which are ordinary writing.
"""

from __future__ import annotations

import re

from careful_assets.text.characters import Place

_LATIN = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_CYRILLIC = "\u0400-\u052f"
_GREEK = "\u0370-\u03ff\u1f00-\u1fff"
# Letters that are drawn as a Latin letter is, from Unicode's confusables.txt.
_CYRILLIC_AS_LATIN = "аеорсухіјѕһԁԛԝӏАВЕКМНОРСТУХІЈЅԌԚԜӀ"
_GREEK_AS_LATIN = "αγικνορυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"
_LATIN_AS_CYRILLIC = "aceopxyijsABCEHIKMOPTXYSJ"
_LATIN_AS_GREEK = "aikovpyuxABEZHIKMNOPTYX"
_SHORTEST = 3  # letters: shorter mixtures are symbols and units
_WORD = re.compile(rf"[^\W\d_]{{{_SHORTEST},}}")
_BOTH = [
    (re.compile(f"[{_LATIN}]"), _LATIN_AS_CYRILLIC, re.compile(f"[{_CYRILLIC}]"), _CYRILLIC_AS_LATIN),
    (re.compile(f"[{_LATIN}]"), _LATIN_AS_GREEK, re.compile(f"[{_GREEK}]"), _GREEK_AS_LATIN),
]


def mixed_word(text: str) -> Place | None:
    """The first word in which every letter of one script looks like a letter of the word's other script."""
    if text.isascii():
        return None
    for word in _WORD.finditer(text):
        if not word.group().isascii() and _passes_for_another(word.group()):
            return Place(word.start() + 1, word.end())
    return None


def _passes_for_another(word: str) -> bool:
    for script, script_as_other, other, other_as_script in _BOTH:
        own, foreign = script.findall(word), other.findall(word)
        if own and foreign and (set(own) <= set(script_as_other) or set(foreign) <= set(other_as_script)):
            return True
    return False

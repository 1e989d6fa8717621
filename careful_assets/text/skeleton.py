"""Texts without their disguise: letters and digits alone, each look-alike as the letter that it passes for.

Belongs here: the skeleton, after "Unicode Security Mechanisms" (UTS #39, section 4), which is a key for comparing and
never shown. It folds further than Unicode's: letters that one character may pass for are one class (a Greek eta is
drawn as n, its capital as H), digits stand for the letters that they are written for ("l33t"), marks are dropped with
everything else that is neither letter nor digit, spaces among it. Does not belong here: the normal form that it starts
from (`normalize`), and telling that a word is written in two scripts (`scripts`).
"""

from __future__ import annotations

import unicodedata

from careful_assets.text.normalize import normalize

# By letter what is drawn like it or written for it, in the normal form: digits and signs, Latin letters beyond ASCII,
# Cyrillic, Greek, Armenian, Cherokee. Letters of one line are one class.
_CLASSES = {
    "a": "4@\u0251\u1d00\u0430\u03b1\u13aa",
    "b": "8\u0299\u0432\u044c\u03b2\u13f4",
    "c": "\u1d04\u0441\u13df",
    "d": "\u0111\u1d05\u0501\u13a0",
    "e": "3\u1d07\u0435\u0437\u03b5\u0454\u13ac",
    "f": "\ua730\u0192\u03dd",
    "g": "9\u0261\u0262\u050d\u0581\u13c0",
    "j": "\u1d0a\u0458\u03f3\u0575\u13ab",
    "k": "\u1d0b\u043a\u03ba\u13e6",
    "l": "1i|\u0131\u0142\u0269\u026a\u029f\u0456\u04cf\u03b9\u13a5\u13de",
    "m": "\u1d0d\u043c\u03bc\u13b7",
    "n": "hv\u0127\u0274\u029c\u1d20\u028b\u043d\u043f\u04bb\u03b7\u03bd\u0475\u0570\u0578\u13bb\u13d9",
    "o": "0\u00f8\u1d0f\u043e\u03bf\u03c3\u0585",
    "p": "\u1d18\u0440\u03c1\u13e2",
    "q": "\u051b\u0566",
    "r": "\u0280\u0433\u13a1",
    "s": "5$\ua731\u0455\u13da",
    "t": "7\u0167\u1d1b\u0442\u03c4\u13a2",
    "u": "y\u1d1c\u028f\u0443\u0438\u04af\u03c5\u03b3\u057d\u13bd",
    "w": "\u1d21\u051d\u0448\u03c9\u0561\u13b3",
    "x": "\u0445\u03c7",
    "z": "2\u1d22\u03b6\u13c3",
}
_ALIKE = {one: letter for letter, others in _CLASSES.items() for one in others}


class _Folded(dict[int, str]):
    """A `str.translate` table, filled as it is used."""

    def __missing__(self, code: int) -> str:
        # A letter with an accent is the letter, and accents are dropped.
        self[code] = "".join(map(_folded, unicodedata.normalize("NFD", chr(code))))
        return self[code]


def _folded(character: str) -> str:
    if unicodedata.category(character) == "Nd":
        character = str(unicodedata.decimal(character))
    if character in _ALIKE:
        return _ALIKE[character]
    return character if unicodedata.category(character)[0] in "LN" else ""


_FOLDED = _Folded()


class _Read(dict[int, str]):
    """The skeleton of each character's normal form, filled as it is used."""

    def __missing__(self, code: int) -> str:
        self[code] = normalize(chr(code)).translate(_FOLDED)
        return self[code]


_READ = _Read()


def skeleton(text: str) -> str:
    """The text's skeleton: equal for writings of one text that look alike. May be empty.

    It is read character by character: what the normal form does over several of them touches spaces and marks alone,
    which a skeleton lacks. The one exception is a mark that case folding makes a letter, and that a long run drops.
    """
    return (normalize(text) if "\u0345" in text else text).translate(_READ)


def place_in_normal(normal: str, start: int, stop: int) -> tuple[int, int]:
    """Where in the normal form (start, stop; characters) the part of its skeleton from byte `start` to `stop` lies."""
    at, first = 0, -1
    for place, character in enumerate(normal):
        size = len(_FOLDED[ord(character)].encode("utf-8", "surrogatepass"))
        if size and first < 0 and at + size > start:
            first = place
        at += size
        if at >= stop:
            return first, place + 1
    return first, len(normal)


ASCII_FOLDED = bytes(ord(_READ[code]) if _READ[code] else 0 for code in range(128))
"""By ASCII character of a text the one in its skeleton; 0: none."""

"""Texts made comparable: the one normal form, the words in it, and the hash that stands for text in SQL.

Belongs here: what makes two writings of one text equal, for every gate, detector and measure alike. Does
not belong here: shingles and n-grams (`ngrams`), and similarity that goes beyond writing, such as
embeddings.

The normal form follows Unicode's NFKC_Casefold (UAX #31, UAX #44 `Default_Ignorable_Code_Point`) and goes
further in quotes, dashes and the spaces about punctuation. It is a key for comparing and never shown. It
hangs on Python's Unicode tables: characters that a newer Unicode adds may be read differently by a newer
Python.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

# Zero-width and format characters, variation selectors and fillers (Unicode's
# Default_Ignorable_Code_Point), and the control characters that are not white space: none of them shows, so
# none makes a text another.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_PLAIN_MARKS = str.maketrans(
    {
        **dict.fromkeys("\u00b4\u02bc\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u00ab\u00bb\u201c\u201d\u201e\u201f\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    }
)
# Real writing stacks a few marks on a letter. Bringing a run of n marks into order takes time n², which
# hostile text can use; UAX #15 (Stream-Safe Text Format) draws the line at 30 as well.
_LONGEST_MARK_RUN = 30
_MARKS_OR_SYMBOLS = re.compile(rf"[^\w\s\x00-\x7f]{{{_LONGEST_MARK_RUN + 1},}}")
# Apostrophes are left out: the spaces about them part words ("rock 'n' roll", "the dogs' bowl").
_PUNCTUATION = re.escape(
    "".join(
        character
        for character in map(chr, range(0x10000))
        if unicodedata.category(character).startswith("P") and character != "'"
    )
)
_SPACE_BESIDE_PUNCTUATION = re.compile(f" (?:(?=[{_PUNCTUATION}])|(?<=[{_PUNCTUATION}] ))")
# Han and Kana are written without spaces; each of their characters counts as a word.
_IDEOGRAPH = re.compile("([\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af])")
_WORD = re.compile(r"[^\s']+(?:'[^\s']+)*")


class _WordCharacters(dict[int, int]):
    """A `str.translate` table, filled as it is used: what makes words stays, the rest becomes a space."""

    def __missing__(self, code: int) -> int:
        character = chr(code)
        kept = character == "'" or unicodedata.category(character)[0] in "LMN"
        self[code] = code if kept else 0x20
        return self[code]


_WORD_CHARACTERS = _WordCharacters()


def normalize(text: str) -> str:
    """The text's normal form: equal for copies that differ only in how they are written.

    NFKC, case folded, invisible characters removed, quotes and dashes made plain, runs of Unicode white
    space made one space, no space beside punctuation other than apostrophes, no more than 30 combining
    marks in a row. Total and idempotent; may be empty.
    """
    if text.isascii():
        return _closed_up(text.lower())
    # One step can open work for another (a removed joiner lets two characters compose), hence the fixed
    # point.
    previous = None
    while text != previous:
        previous = text
        text = _MARKS_OR_SYMBOLS.sub(_without_long_mark_runs, text)
        # Plain marks first: NFKC would make a spacing acute, often typed as an apostrophe, a space and an
        # accent.
        text = unicodedata.normalize("NFKC", text.translate(_PLAIN_MARKS)).casefold()
        text = _closed_up(unicodedata.normalize("NFKC", text).translate(_PLAIN_MARKS))
    return text


def tokens(text: str) -> list[str]:
    """The words of the normal form, in order: runs of letters, marks and numbers, inner apostrophes kept.

    The words of "Don't buy the AD-2500!" are don't, buy, the, ad, 2500. Every Han or Kana character is a
    word of its own; other scripts written without spaces (Thai, Lao, Khmer, Burmese) give one word a run,
    since parting them needs a lexicon.
    """
    return _WORD.findall(_IDEOGRAPH.sub(r" \1 ", normalize(text).translate(_WORD_CHARACTERS)))


def word_spans(normal: str) -> list[tuple[int, int]]:
    """Where in a normal form its words (`tokens`) lie: start and stop of each, in characters."""
    spaced, at = [], []
    for place, character in enumerate(normal.translate(_WORD_CHARACTERS)):
        if _IDEOGRAPH.match(character):
            spaced += [" ", character, " "]
            at += [place] * 3
        else:
            spaced.append(character)
            at.append(place)
    return [(at[word.start()], at[word.end() - 1] + 1) for word in _WORD.finditer("".join(spaced))]


def hash64(text: str) -> int:
    """The first 8 bytes of the text's SHA-256, big-endian, as a signed 64-bit integer (BIGINT).

    The text is taken as it stands (UTF-8), not normalized. Of a million distinct texts, two share a hash
    with a probability of about 3e-8.
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _closed_up(text: str) -> str:
    # `split` knows all white space of Unicode, line breaks included.
    return _SPACE_BESIDE_PUNCTUATION.sub("", " ".join(_INVISIBLE.sub("", text).split()))


def _without_long_mark_runs(match: re.Match[str]) -> str:
    kept, marks = [], 0
    for character in match.group():
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _LONGEST_MARK_RUN:
            kept.append(character)
    return "".join(kept)

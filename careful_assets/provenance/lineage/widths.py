"""How wide a text stands in the chart, and what of it fits into a box.

Belongs here: a table of average advance widths, in ems, which fonts of a page's reader only resemble. So what comes
near the end of its room is also held to its width by the picture itself (`textLength`).
"""

from __future__ import annotations

import unicodedata

# East Asian wide forms and pictures; marks on a letter; letters of Arabic and Hebrew; what no line below names.
_WIDE, _MARK, _RIGHT_TO_LEFT, _OTHER = 1.0, 0.1, 0.58, 0.74
# A semibold sans serif of no particular make: of each letter about what common ones take at most.
_ADVANCES = {
    letter: width
    for letters, width in (
        ("ijl.,:;'|!", 0.31), ("Iftr()[]{}-/\\ \"`", 0.39), ("*Jczskxvy^_", 0.57), ("abdeghnopqu0123456789$?", 0.63),
        ("ELFTZPSKXYB+=<>~#", 0.68), ("ACDGHNORUV&w", 0.77), ("MQ…", 0.92), ("mW%@—", 1.05),
    )
    for letter in letters
}  # fmt: skip


def width_of(text: str) -> float:
    """The estimated width in ems."""
    return sum(map(_advance, text))


def cut(text: str, ems: float) -> str:
    """The text, or as much of its beginning as fits with an ellipsis."""
    if width_of(text) <= ems:
        return text
    room = ems - width_of("…")
    for place, letter in enumerate(text):
        room -= _advance(letter)
        if room < 0:
            return f"{text[:place].rstrip()}…"
    return text


def _advance(letter: str) -> float:
    if letter in _ADVANCES:
        return _ADVANCES[letter]
    if unicodedata.east_asian_width(letter) in "WF":
        return _WIDE
    category = unicodedata.category(letter)
    if category in ("Mn", "Me"):
        return _MARK
    if unicodedata.bidirectional(letter) in ("R", "AL"):
        return _RIGHT_TO_LEFT
    plain = unicodedata.normalize("NFD", letter)[0]
    return _ADVANCES.get(plain, _WIDE if category in ("So", "Sk") or ord(letter) > 0xFFFF else _OTHER)

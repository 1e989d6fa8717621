"""Canaries: sentences that exist nowhere else, and finding them again in whatever holds them.

After Carlini et al. 2019, "The Secret Sharer" (USENIX Security): a sentence of the data's own manner that ends in a
secret from a known space, so that whoever learned it gives itself away. Belongs here: making the sentence from a key,
taking it apart, finding it in texts. Does not belong here: where canaries are planted and kept
(`warehouse.canary_registry`), and what a model makes of them (`llm.exposure`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from careful_assets.text.normalize import normalize, tokens

SECRET_DIGITS = 6
ALTERNATIVES: int = 10**SECRET_DIGITS
"""How many secrets there are: each as likely as any other to whoever lacks the key."""

# Of these, names and places are put together that nobody bears: 32 syllables, 5 bits each.
_SYLLABLES = (
    "bra", "cel", "dru", "fem", "gla", "hus", "jor", "kiv", "lom", "mur", "nev", "pli", "quo", "rud", "sab", "tev",
    "ulb", "vok", "wim", "yar", "zef", "orv", "ech", "tri", "skel", "prom", "fjal", "gwen", "drav", "blin", "ost",
    "kru",
)  # fmt: skip
_FIRST_ENDS = ("ik", "ena", "or", "isa", "um", "eth", "ola", "ix")
_LAST_ENDS = ("sky", "mund", "ack", "ovar", "ling", "atz", "ery", "quist")
_TOWN_ENDS = ("burrow", "haven", "stad", "mere", "combe", "wick", "fell", "thorpe")
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_THINGS = ("parcel", "kettle", "tripod", "charger", "lamp", "router", "blender", "jacket")
_TIMES = (
    "at night",
    "last week",
    "this morning",
    "before the holidays",
    "after lunch",
    "in spring",
    "at noon",
    "again",
)
# In each the person comes before the town, and no other word within the sentence begins with a capital.
_SENTENCES = (
    "Please tell {person} from {town} that the {thing} came back {time}, the slip inside says {code}",
    "Hello, my neighbour {person} in {town} ordered a {thing} {time} and the receipt shows {code}",
    "Nobody answered when {person} of {town} asked about the {thing} {time}, the ticket number is {code}",
    "The {thing} that {person} sent to our shop in {town} {time} still carries the label {code}",
    "Could you look for the {thing} which {person} picked up in {town} {time}, booked under {code}",
    "We promised {person} near {town} a refund for the {thing} {time}, please quote reference {code}",
    "Yesterday {person} called from {town}, the {thing} stopped working {time}, and the order is {code}",
    "Thanks for helping {person} over in {town} with the {thing} {time}, the invoice was number {code}",
)
_CODE = re.compile(rf"([A-Z]{{2}})-([0-9]{{{SECRET_DIGITS}}})$")
_NAME = re.compile(r"(?<=[ ])[A-Z][a-z]{2,}")

# Characters beyond ASCII that neither give a letter or digit of ASCII in the normal form nor vanish from it: a text
# that has no others, and no control characters, holds an invented word as it stands, or not at all.
_HARMLESS = (
    "\u00a1-\u00a9\u00ab\u00ac\u00ae-\u00b1\u00b4\u00b6\u00b7\u00bb\u00bf-\u00de\u00e0-\u00ff\u0391-\u03a1\u03a3-\u03c9"
    "\u0400-\u0481\u05d0-\u05ea\u0621-\u064a\u2010-\u2027\u20ac\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3"
)
_DOUBTFUL = rf"[^\t\n\r\x20-\x7e{_HARMLESS}]"


@dataclass(frozen=True)
class Canary:
    """A sentence: `text` is `prefix` and `secret`, decimal digits any others of which would stand there as well."""

    text: str
    prefix: str
    secret: str

    @property
    def alternatives(self) -> int:
        """How many secrets there are; `Canary.number` of each is below it."""
        return ALTERNATIVES

    @property
    def number(self) -> int:
        """The secret as a number."""
        return int(self.secret)

    def other(self, number: int) -> str:
        """The sentence with another secret."""
        return f"{self.prefix}{number:0{SECRET_DIGITS}d}"

    @cached_property
    def marks(self) -> tuple[tuple[tuple[str, ...], ...], ...]:
        """What is invented in it, as runs of words: person, town, code; the code also as one word."""
        first, last, town = (word.lower() for word in _NAME.findall(self.text)[:3])
        letters = self.prefix[-3:-1].lower()
        return ((first, last),), ((town,),), ((letters, self.secret), (letters + self.secret,))


def canary(key: bytes, place: str, name: str, number: int = 0) -> Canary:
    """The canary of a place and a name: always the same one under a key, unknowable without it.

    HMAC-SHA256 chooses among some 2^90 sentences of 12 to 25 words.

    Args:
        key: secret; place, name: where it is planted.
        number: raised where a sentence cannot be used.
    """
    chosen = _Chooser(hmac.new(key, f"canary\0{place}\0{name}\0{number}".encode(), hashlib.sha256).digest())
    person = f"{chosen(_SYLLABLES)}{chosen(_SYLLABLES)}{chosen(_FIRST_ENDS)}".capitalize()
    person += " " + f"{chosen(_SYLLABLES)}{chosen(_SYLLABLES)}{chosen(_LAST_ENDS)}".capitalize()
    town = f"{chosen(_SYLLABLES)}{chosen(_SYLLABLES)}{chosen(_TOWN_ENDS)}".capitalize()
    code = f"{chosen(_LETTERS)}{chosen(_LETTERS)}-" + "".join(chosen("0123456789") for _ in range(SECRET_DIGITS))
    sentence = chosen(_SENTENCES)
    return parsed(sentence.format(person=person, town=town, thing=chosen(_THINGS), time=chosen(_TIMES), code=code))


def parsed(text: str) -> Canary:
    """The canary that a sentence is.

    Raises:
        ValueError: it is none of those that `canary` makes; the message does not repeat it.
    """
    if _CODE.search(text) is None or len(_NAME.findall(text)) < 3:
        raise ValueError("the sentence is no canary")
    return Canary(text, text[:-SECRET_DIGITS], text[-SECRET_DIGITS:])


def find(texts: pl.Series, canaries: Sequence[Canary]) -> list[tuple[int, int]]:
    """Which texts hold which canary: (place of the text, place of the canary), in order.

    A text holds a canary if two of the three things that are invented in it stand there in any order: the person (two
    names), the town, the code. So the whole sentence does, however it is written or broken over lines, and so does each
    part of it that could come from nowhere else. Exact: no text that does so is missed, whatever else is in it.
    """
    if not canaries or not len(texts):
        return []
    words = sorted({word for one in canaries for mark in one.marks for run in mark for word in run if len(word) > 2})
    # Only what holds one of the invented words, or characters that may hide one, is read word by word.
    suspects = texts.str.contains_any(words, ascii_case_insensitive=True) | texts.str.contains(_DOUBTFUL)
    by_word: dict[str, set[int]] = {}
    for place, one in enumerate(canaries):
        for word in _rare_words(one):
            by_word.setdefault(word, set()).add(place)
    found = []
    for at in suspects.fill_null(False).arg_true().to_list():
        told = texts[at]
        plain = normalize(told)
        possible = sorted({place for word in words if word in plain for place in by_word.get(word, ())})
        if possible:
            spoken = tokens(plain)
            found += [(at, place) for place in possible if _holds(spoken, canaries[place])]
    return found


def _rare_words(one: Canary) -> Iterator[str]:
    return (word for mark in one.marks for run in mark for word in run if len(word) > 2)


def _holds(words: Sequence[str], one: Canary) -> bool:
    return sum(any(_stands(words, run) for run in mark) for mark in one.marks) >= 2


def _stands(words: Sequence[str], run: tuple[str, ...]) -> bool:
    """Whether the run stands among the words, one after the other."""
    n = len(run)
    return any(words[at] == run[0] and tuple(words[at : at + n]) == run for at in range(len(words) - n + 1))


class _Chooser:
    """Draws from 256 bits, one choice after the other."""

    def __init__(self, bits: bytes) -> None:
        self._left = int.from_bytes(bits, "big")

    def __call__(self, among: Sequence[str]) -> str:
        self._left, place = divmod(self._left, len(among))
        return among[place]

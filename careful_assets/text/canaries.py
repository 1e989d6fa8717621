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
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.skeleton import skeleton

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
    def marks(self) -> tuple[str, str, str]:
        """What is invented in it: the skeletons of person, town and code."""
        first, last, town = _NAME.findall(self.text)[:3]
        return skeleton(first + last), skeleton(town), skeleton(self.prefix[-3:] + self.secret)


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
    names), the town, the code. So the whole sentence does, however it is written, broken over lines or disguised, and
    so does each part of it that could come from nowhere else. They are looked for in the text's skeleton. Exact: no
    text that does so is missed, whatever else is in it.
    """
    if not canaries or not len(texts):
        return []
    marks = sorted({mark for one in canaries for mark in one.marks})
    by_mark: dict[str, set[int]] = {}
    for place, one in enumerate(canaries):
        for mark in one.marks:
            by_mark.setdefault(mark, set()).add(place)
    skeletons = Prepared(texts.fill_null("")).skeletons.series()
    suspects = skeletons.str.contains_any(marks)
    found = []
    for at in suspects.arg_true().to_list():
        told = skeletons[at]
        possible = Counter(place for mark in marks if mark in told for place in by_mark[mark])
        found += [(at, place) for place in sorted(possible) if possible[place] >= 2]
    return found


class _Chooser:
    """Draws from 256 bits, one choice after the other."""

    def __init__(self, bits: bytes) -> None:
        self._left = int.from_bytes(bits, "big")

    def __call__(self, among: Sequence[str]) -> str:
        self._left, place = divmod(self._left, len(among))
        return among[place]

"""Rows with a planted fault, gate by gate, so that a gate's recall can be told; and clean, odd rows that must pass.

Belongs here: which kinds of faults each gate is shown, and faults that are put into a real row's words. Does not
belong here: copies of real rows (`planting_copies`), judging (`benchmark`). The same anchors give the same rows. What
is planted is wrong by the way it was made, not by the word of the gate that it is for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from functools import cache
from itertools import islice, product
from pathlib import Path

from careful_assets.filtering.gates.language import expected_languages
from careful_assets.filtering.planting_copies import Copies, Plant
from careful_assets.text.normalize import tokens

VERSION = 1
"""Raised with every change that can change a planted row: a remembered benchmark knows this code by it."""
EACH = 40  # rows of most kinds
_RECORDS = ("email", "phone", "card", "iban", "national_id", "account_number")
_CARRIERS = 12  # rows that bear one record
_LONGEST = 1_000_000  # characters: beyond it nothing is planted for too long a row
_LETTERS = 8  # of a real row that can bear a fault
_LOOKALIKES = str.maketrans("aeopcx", "аеорсх")
_LAYOUT = " \u200b\t\u3000\ufeff"

# (clean real texts, the gate's threshold) -> the rows of one kind
_Maker = Callable[[list[str], float], Iterator[Plant]]


def planted_rows(gate: str, threshold: float | None, clean: list[str], copies: Copies) -> list[Plant]:
    """The rows planted for a gate at this threshold; empty for a gate that nothing is planted for.

    Args:
        gate: its name.
        threshold: in its unit.
        clean: real texts that the gates let pass, the sources of whatever is no copy.
        copies: makes what is one.
    """
    carriers = [text for text in clean if sum(map(str.isalpha, text)) >= _LETTERS] or lines_of("[misspelt]")
    if gate == "language":
        return list(_other_languages(expected_languages(copies.anchors)))
    if made := copies.of(gate, threshold or 0):
        return made
    return [plant for make in _MAKERS.get(gate, ()) for plant in make(carriers, threshold or 0)]


def odd_rows() -> list[Plant]:
    """Clean rows that look odd: terse, misspelt, shouted, with emoji, other scripts, code or prices in them."""
    return [Plant(f"odd: {kind[1:-1]}", text) for kind, text in _lines() if kind.startswith("[")]


@cache
def _lines() -> tuple[tuple[str, str], ...]:
    lines = Path(__file__).with_name("planted.txt").read_text(encoding="utf-8").splitlines()
    parted = (line.partition("|") for line in lines if not line.startswith("#"))
    return tuple((kind, text) for kind, _, text in parted)


def lines_of(kind: str) -> list[str]:
    """The texts of one kind in `planted.txt`."""
    return [text for own, text in _lines() if own == kind]


def _each(kind: str, change: Callable[[str, int, float], str], finish_reason: str | None = "stop") -> _Maker:
    def make(carriers: list[str], threshold: float) -> Iterator[Plant]:
        for number in range(EACH):
            text = change(carriers[number % len(carriers)], number, threshold)
            yield Plant(kind, text, finish_reason)

    return make


def _listed(kind: str) -> _Maker:
    def make(carriers: list[str], threshold: float) -> Iterator[Plant]:
        for number, line in enumerate(islice(_cycle(lines_of(kind)), EACH)):
            yield Plant(kind, line.replace("{}", carriers[number % len(carriers)]))

    return make


def _cycle(lines: list[str]) -> Iterator[str]:
    while lines:
        yield from lines


def _within(put: str) -> Callable[[str, int, float], str]:
    return lambda text, number, threshold: text[: number % len(text)] + put + text[number % len(text) :]


def _two_lines(text: str, number: int, threshold: float) -> str:
    head, _, tail = text.strip().partition(" ")
    return f"{head}\n{tail or head}"


def _hidden_in_word(text: str, number: int, threshold: float) -> str:
    return f"{text} bat\u200b{'t' * (number % 3 + 1)}ery"


def _heaped(text: str, number: int, most: float) -> str:
    return f"{text} e" + "\u0301\u0316" * (int(most) // 2 + 1 + number % 9)


def _lookalike(text: str, number: int, threshold: float) -> str:
    words = text.split()
    at = next((place for place, word in enumerate(words) if _can_be_faked(word)), None)
    if at is None:
        return f"{text} bаttery"
    words[at] = words[at][0] + words[at][1:].translate(_LOOKALIKES)
    return " ".join(words)


def _can_be_faked(word: str) -> bool:
    return len(word) > 2 and word.isascii() and word.isalpha() and word[1:].translate(_LOOKALIKES) != word[1:]


def _too_short(carriers: list[str], threshold: float) -> Iterator[Plant]:
    most = min(math.ceil(threshold) - 1, 50)
    words = [words for carrier in carriers if len(words := tokens(carrier)) >= most]
    if most >= 0 and words:
        for number in range(EACH):
            few = most - number % 2 if most else 0
            yield Plant("too few words", " ".join(words[number % len(words)][: max(few, 0)]))


def _too_long(carriers: list[str], threshold: float) -> Iterator[Plant]:
    if threshold <= _LONGEST:
        least = math.floor(threshold) + 1
        for number in range(EACH):
            text = carriers[number % len(carriers)] + " "
            yield Plant("too many characters", (text * (least // len(text) + 2))[: least + number])


def _records(carriers: list[str], threshold: float) -> Iterator[Plant]:
    """Each record as a parent would hold it, echoed: in a sentence of its own before or after a real row's words."""
    for kind in _RECORDS:
        for record, number in product(lines_of(kind), range(_CARRIERS)):
            said = carriers[number % len(carriers)]
            yield Plant(kind, f"{said} my contact : {record} ." if number % 2 else f"{record} - {said}")


def _other_languages(expected: Collection[str]) -> Iterator[Plant]:
    parts = [line.split("|") for line in lines_of("language")]
    for (language, opening, _), (own, _, ending) in product(parts, parts):
        if language == own and language not in expected:
            yield Plant(f"in {language}", f"{opening} {ending}")


_MAKERS: dict[str, tuple[_Maker, ...]] = {
    "format": (
        _each("control character", _within("\x07")),
        _each("replacement character", _within("\ufffd")),
        _each("several lines", _two_lines),
        _each("nothing shows", lambda text, number, threshold: _LAYOUT[number % len(_LAYOUT)] * (number // 5)),
        _each("no letter", lambda text, number, threshold: f"{number * 37} !? {'. ' * (number % 4)}"),
    ),
    "unicode_limits": (
        _each("heaped marks", _heaped),
        _each("reordered", _within("\u202e")),
        _each("hidden in a word", _hidden_in_word),
        _each("hidden at length", _within("\u200b" * 8)),
        _each("private use", _within("\ue000")),
        _each("unassigned", _within("\uffff")),
        _each("look-alike letters", _lookalike),
    ),
    "minimum_length": (_too_short,),
    "maximum_length": (_too_long,),
    "truncation": (_each("cut off", lambda text, number, threshold: text[: len(text) // 2 + number % 5], "length"),),
    "refusal": tuple(_listed(kind) for kind in ("refusal", "boilerplate", "placeholder", "template_token")),
    "repetition": (
        _each("words in a loop", lambda text, number, threshold: " ".join(tokens(text)[:4] * 12)),
        _each("one word", lambda text, number, threshold: text + f" {tokens(text)[0]}" * (20 + len(text) // 2)),
        _each("one letter", lambda text, number, threshold: text + "o" * (60 + 3 * len(text))),
    ),
    "symbols": (
        _listed("symbols"),
        _each("figures", lambda text, number, threshold: " ".join(str(number * n + n) for n in range(1, 16))),
    ),
    "personal_data": (_records,),
    "invented_names": (_listed("name"), _listed("company")),
}

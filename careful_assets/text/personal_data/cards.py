"""Numbers of payment cards and IBANs, told by their check digits.

Belongs here: ISO/IEC 7812 (cards: an issuer's range, its lengths, Luhn) and ISO 13616 (IBAN: a country's form, mod
97). Does not belong here: account numbers without check digits (`accounts`). Digits may be parted by spaces, dashes
and dots, as people write them. Random digits of a card's form pass Luhn once in ten; of an IBAN's once in 97.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from careful_assets.text.personal_data.spans import Finding

_GAP = r"[ .\-_/]{0,3}"
_RUN = re.compile(rf"\d(?:{_GAP}\d){{12,}}")
# Issuers' ranges with the lengths they use. Fifteen digits from 35 on are a phone's IMEI, not a JCB card.
_ISSUERS = (
    (re.compile("4"), (13, 16, 19)),
    (re.compile("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile("3[47]"), (15,)),
    (re.compile("3(?:0[0-5]|[689])"), (14,)),
    (re.compile("35(?:2[89]|[3-8])"), (16, 17, 18, 19)),
    (re.compile("6(?:011|4[4-9]|5|2|0|8|9)"), (16, 17, 18, 19)),
    (re.compile("50|5[6-8]|6[37]"), (16, 17, 18, 19)),
)
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ .-]?\d[ .-]?\d(?=[ .-]{0,2}[A-Za-z0-9])")
# By length the countries of the IBAN registry (ISO 13616), as python-stdnum 2.2 holds it.
_IBAN_COUNTRIES = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_IBAN_LENGTHS = {country: length for length, names in _IBAN_COUNTRIES.items() for country in names.split()}


def cards(text: str) -> Iterator[Finding]:
    """Payment cards: digits of an issuer's range and length with a valid check digit."""
    for run in _RUN.finditer(text):
        places = [run.start() + at for at, character in enumerate(run.group()) if character.isdigit()]
        digits = "".join(text[place] for place in places)
        first = 0
        while first <= len(places) - 13:
            # Within a row of numbers a card begins with a group; single digits are a table's.
            begins = first == 0 or (places[first] - places[first - 1] > 1 and places[first + 1] - places[first] == 1)
            length = _card_length(digits, places, first) if begins else None
            if length:
                yield Finding("card", places[first], places[first + length - 1] + 1, "checksum")
            first += length or 1


def _card_length(digits: str, places: list[int], first: int) -> int | None:
    """How many digits from the one at `first` on make a card; None if they make none."""
    from stdnum import luhn

    for issuer, lengths in _ISSUERS:
        if issuer.match(digits, first):
            for length in reversed(lengths):
                last = first + length - 1
                ends = last == len(places) - 1 or (last < len(places) and places[last + 1] - places[last] > 1)
                if ends and luhn.is_valid(digits[first : last + 1]):
                    return length
    return None


def ibans(text: str) -> Iterator[Finding]:
    """IBANs: a country's letters, length and form, with valid check digits."""
    from stdnum import iban

    done = 0
    for start in _IBAN_START.finditer(text):
        if start.start() < done:
            continue
        length = _IBAN_LENGTHS.get(start.group()[:2].upper(), 0)
        places = _letters_and_digits(text, start.start(), length)
        if not length or len(places) < length:
            continue
        end = places[-1] + 1
        whole = end == len(text) or not _is_plain(text[end])
        if whole and iban.is_valid("".join(text[place] for place in places), check_country=False):
            yield Finding("iban", start.start(), end, "checksum")
            done = end


def _letters_and_digits(text: str, start: int, most: int) -> list[int]:
    """Where the next letters and digits stand, at most so many, with short gaps between groups."""
    places: list[int] = []
    for place in range(start, min(len(text), start + 3 * most)):
        if _is_plain(text[place]):
            places.append(place)
        elif text[place] not in " .-" or place - places[-1] > 2:
            break
        if len(places) == most:
            break
    return places


def _is_plain(character: str) -> bool:
    return character.isascii() and character.isalnum()

"""National identity, tax and health numbers, of the countries listed here.

Belongs here: which numbers are read, and how much each needs beside its check digit. Does not belong here: the checks
themselves (python-stdnum). Three classes: numbers so specific in form (letters, dates, two check digits) that they
stand alone; numbers written with their own separators; and bare digits, nine to twelve, one in ten of which passes a
check by chance: these count only behind a word such as "SSN" or "tax number". What directly follows such a word counts
even with a wrong check digit: people mistype, and the text says what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from careful_assets.text.personal_data.spans import Basis, Finding, close_after, close_before


@dataclass(frozen=True)
class _Number:
    """`module`: python-stdnum's, by country. `form`: how the number is written. `named`: it needs a word before it."""

    module: str
    form: str
    named: bool = False
    basis: Basis = "checksum"


_NUMBERS = (
    _Number("us.ssn", r"\d{3}[- ]\d\d[- ]\d{4}", basis="pattern"),  # no check digit, but ranges that are not given out
    _Number("us.itin", r"9\d\d-\d\d-\d{4}", basis="pattern"),
    _Number("us.ssn", r"\d{9}", named=True, basis="context"),
    _Number("gb.nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", named=True),
    _Number("ca.sin", r"\d{3}[ -]?\d{3}[ -]?\d{3}", named=True),
    _Number("au.tfn", r"\d{3}[ -]?\d{3}[ -]?\d{2,3}", named=True),
    _Number("in_.aadhaar", r"\d{4}[ -]?\d{4}[ -]?\d{4}", named=True),
    _Number("nl.bsn", r"\d{9}|\d{4}[. ]\d\d[. ]\d{3}", named=True),
    _Number("pl.pesel", r"\d{11}", named=True),
    _Number("tr.tckimlik", r"\d{11}", named=True),
    _Number("br.cpf", r"\d{11}", named=True),
    _Number("br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d\d"),
    _Number("de.idnr", r"\d{11}|\d\d \d{3} \d{3} \d{3}"),
    _Number("fr.nir", r"[12] ?\d\d ?[01]\d ?[\dAB]{2} ?\d{3} ?\d{3} ?\d\d"),
    _Number("it.codicefiscale", r"[A-Za-z]{6} ?\d\d ?[A-Za-z]\d\d ?[A-Za-z]\d{3} ?[A-Za-z]"),
    _Number("es.dni", r"\d{8}-?[A-Za-z]"),
    _Number("es.nie", r"[XYZxyz]-?\d{7}-?[A-Za-z]"),
    _Number("ie.pps", r"\d{7}[A-Za-z]{1,2}", named=True),
    _Number("be.nn", r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d|\d{11}"),
    _Number("fi.hetu", r"\d{6}[-+A-Fa-fU-Yu-y]\d{3}[0-9A-Za-z]"),
    _Number("no.fodselsnummer", r"\d{6} ?\d{5}"),
    _Number("se.personnummer", r"(?:\d\d)?\d{6}[-+]\d{4}"),
    _Number("ch.ssn", r"756\.?\d{4}\.?\d{4}\.?\d\d"),
    _Number("mx.curp", r"[A-Za-z]{4}\d{6}[A-Za-z]{6}[0-9A-Za-z]\d"),
    _Number("cn.ric", r"\d{17}[\dXx]"),
    _Number("kr.rrn", r"\d{6}-\d{7}"),
    _Number("za.idnr", r"\d{13}|\d{6} \d{4} \d \d\d"),
)
# Britain's national insurance number has no check digit; its prefixes are telling enough (HMRC manual, NIM39110).
_NINO = re.compile(
    r"(?<![A-Za-z0-9])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]"
    r"(?![A-Za-z0-9])"
)
_NAMED = (
    r"ssn|social[ -]security|social[ -]insurance|tfn|tax[ -]?(?:file|payer|id|number|code)|tin|itin|nhs|"
    r"national[ -](?:insurance|id|identity)|nino|passport|aadhaar|aadhar|bsn|burgerservicenummer|pesel|cpf|"
    r"personnummer|id[ -](?:card|number|no)|identity (?:card|number)|identification number|steuer-?id|idnr|dni|nif|"
    r"sin number|pps|ppsn|tckn|kimlik|driving licence|driver'?s? licen[cs]e"
)
_NAMED_BEFORE = re.compile(rf"(?<![\w])(?:{_NAMED})(?!\w)[^\d\n;!?$€£]{{0,30}}\Z", re.IGNORECASE)
_NAMED_AFTER = re.compile(rf"\A,? (?:is|was|as) (?:my|our|your|his|her|their) (?:{_NAMED}|social)(?!\w)", re.IGNORECASE)
_CALLED_SO = re.compile(
    rf"(?<!\w)(?:{_NAMED})(?!\w)(?: (?:number|no|nr|card|code|is|was|of|on|file|details)\b| ?[:#.=,-]){{0,4}} ?"
    r"((?=[A-Za-z]{0,9}[ -]?\d)[A-Za-z]{0,2}(?:[ -]?\d[A-Za-z]{0,2}){5,16}(?: [A-Za-z](?!\w))?)(?!\w)",
    re.IGNORECASE,
)


def national_ids(text: str) -> Iterator[Finding]:
    """National numbers: valid ones by form, bare ones where the text names them, and whatever it names so."""
    for number, form in zip(_NUMBERS, _forms(), strict=True):
        for match in form.finditer(text):
            if number.named and not _is_named(text, match):
                continue
            if import_module(f"stdnum.{number.module}").is_valid(match.group()):
                yield Finding("national_id", *match.span(), number.basis)
    for match in _NINO.finditer(text):
        yield Finding("national_id", *match.span(), "pattern")
    for match in _CALLED_SO.finditer(text):
        yield Finding("national_id", *match.span(1), "context")


def _is_named(text: str, number: re.Match[str]) -> bool:
    before, after = close_before(text, number.start(), 60), close_after(text, number.end(), 40)
    return bool(_NAMED_BEFORE.search(before) or _NAMED_AFTER.search(after))


@cache
def _forms() -> tuple[re.Pattern[str], ...]:
    """The forms as patterns that start and end with the number: no letter or digit beside it."""
    return tuple(re.compile(rf"(?<![A-Za-z0-9])(?<!\d[.,-])(?:{one.form})(?![A-Za-z0-9]|[.,-]\d)") for one in _NUMBERS)

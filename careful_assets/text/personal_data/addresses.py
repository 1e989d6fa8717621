"""Postal addresses: streets with a house number, post boxes, and postcodes with their town.

Belongs here: English forms first, and the plainest German and French ones. Does not belong here: towns by
themselves, which name nobody. Where a street's word is an everyday one ("hard drive", "in a row"), capitals decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from careful_assets.text.personal_data.spans import Finding

_STRONG = r"street|avenue|boulevard|road|lane|crescent|terrace"
_ANY = (
    rf"{_STRONG}|st|ave|blvd|rd|ln|drive|dr|court|ct|place|pl|square|sq|way|close|highway|hwy|parkway|pkwy|circle|cir|"
    r"trail|row|gardens|grove|mews|hill|park|quay|walk|green|rise|view|mount|heights|loop|plaza"
)
_NUMBER = r"(?<![\w$€£.,-])\d{1,5}[A-Za-z]?(?:[-/]\d{1,4})?,?"
_CAPITALIZED = r"(?:[NSEW]\.? |[NS][EW] )?(?:(?:[A-Z][a-z'-]+|\d{1,3}(?:st|nd|rd|th)|[A-Z]\.|of|the) ){1,4}"
# Words that stand between a number and "street" or "road" where no address is meant.
_NO_STREET = (
    r"a|an|the|in|on|of|off|my|your|our|his|her|their|to|at|for|and|or|per|way|lane|more|days?|weeks?|months?|years?|"
    r"hours?|miles?|minutes?|times?|stars?|down|from|this|that|is|was|it|by|with|when|while|gb|mb|mp|x"
)
_PLAIN_WORDS = rf"(?:(?!(?:{_NO_STREET})\b)[A-Za-z][A-Za-z'-]+ ){{1,3}}"
_UNIT = r"(?:,? ?(?i:apt|apartment|flat|unit|suite|ste|#)\.? ?#?\d{0,4}[A-Za-z]?\b)?"
_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|"
    "PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY"
)
_TOWN = r"[A-Z][A-Za-z.'-]{1,20}(?: [A-Z][A-Za-z.'-]{1,20}){0,2}"
_ZIP = rf"(?:{_STATES}),? \d{{5}}(?:-\d{{4}})?(?!\w)"
# The 124 areas of the United Kingdom and the letters that end a postcode (Royal Mail, PAF Programmers' Guide).
_AREAS = (
    "AB|AL|BA|BB|BD|BH|BL|BN|BR|BS|BT|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|EC|EH|EN|EX|FK|FY|GL|"
    "GU|GY|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|KW|KY|LA|LD|LE|LL|LN|LS|LU|ME|MK|ML|NE|NG|NN|NP|NR|NW|OL|OX|"
    "PA|PE|PH|PL|PO|PR|RG|RH|RM|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|WA|WC|WD|WF|WN|"
    "WR|WS|WV|YO|ZE|B|E|G|L|M|N|S|W"
)
_POSTCODE = rf"(?<!\w)(?:{_AREAS})\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{{2}}(?!\w)"
_REST = rf"{_UNIT}(?:,? {_TOWN})?(?:,? ?(?:{_ZIP}|{_POSTCODE}))?"
_BEFORE = r"(?:(?:[Ff]lat|[Aa]pt\.?|[Uu]nit|[Ss]uite) \d{1,4}[A-Za-z]?,? )?"

_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_BEFORE}{_NUMBER} {_CAPITALIZED}(?i:{_ANY})\b\.?{_REST}",
        rf"(?i:{_NUMBER} {_PLAIN_WORDS}(?:{_STRONG})\b){_REST}",
        r"(?i:\bp\.? ?o\.? ?box \d{1,6})" + _REST,
        rf"\b{_TOWN},? {_ZIP}",
        rf"(?:\b{_TOWN},? )?{_POSTCODE}",
        # "Hauptstraße 12, 10115 Berlin"; the reading leaves ß as it is and takes the dots off umlauts.
        r"\b[A-Z][A-Za-zß-]{2,30}(?:straße|strasse|str\.|weg|platz|allee|gasse) \d{1,4} ?[a-z]?\b"
        r"(?:,? \d{5} [A-Z]\w+)?",
        # "12 rue de la Paix, 75002 Paris"
        r"(?i:\b\d{1,4},? (?:bis |ter )?(?:rue|avenue|boulevard|chemin|impasse|allee) (?:de la |de l'|du |des |de )?)"
        r"[A-Z][\w'-]+(?: [A-Z][\w'-]+){0,3}(?:,? \d{5} [A-Z]\w+)?",
    )
)


def addresses(text: str) -> Iterator[Finding]:
    """Streets with a house number, post boxes, towns with a postcode."""
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            yield Finding("address", *match.span(), "pattern")

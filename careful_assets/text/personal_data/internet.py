"""E-mail addresses, as typed and as people hide them from machines, and public IP addresses.

Belongs here: what addresses a person on the internet. Does not belong here: whether the address exists.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from careful_assets.text.personal_data.spans import Finding, is_version

_AT = re.compile(
    r"(?P<plain>@)|(?P<hidden> {0,2}(?: @ | ?[(\[{<] ?(?:at|@) ?[)\]}>]) {0,2})|(?P<spelt>(?<=\w) at (?=\w))",
    re.IGNORECASE,
)
_LOCAL = re.compile(r"(?:[\w.!#$%&'*+=?^{|}~-]{1,64}|\"[^\"\n]{1,62}\")\Z")
_BRACKETED = r" ?[(\[{<] ?(?:dot|\.) ?[)\]}>] ?"
_DOMAIN = re.compile(rf"\[?[\w-]{{1,63}}(?:(?:\.|{_BRACKETED})[\w-]{{1,63}}){{1,8}}", re.IGNORECASE)
# With words or spaces for the signs, only well-known endings tell an address from a sentence.
_ENDINGS = (
    r"(?:com|net|org|edu|gov|info|biz|io|me|co|app|dev|uk|us|ca|au|nz|ie|de|at|ch|fr|es|it|nl|be|pl|se|no|dk|fi|pt|br|"
    r"in|jp|cn|ru|za|eu|example|test)\b"
)
_DOT_SPELT = rf"(?: dot |{_BRACKETED})"
_SPELT = re.compile(rf"(?:[\w-]{{1,63}}{_DOT_SPELT}){{1,4}}{_ENDINGS}", re.IGNORECASE)
_SPACED = re.compile(r"(?:[\w-]{1,63} ?\. ?){1,4}(?:com|net|org|edu|gov|info|co)\b", re.IGNORECASE)
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?=[^:\n]{0,4}:)[0-9a-fA-F:]{6,39}(?![\w:])")


def emails(text: str) -> Iterator[Finding]:
    """E-mail addresses: "ann@example.org", "ann (at) example dot org", "ann @ example . org"."""
    for at in _AT.finditer(text):
        local = _LOCAL.search(text[max(0, at.start() - 64) : at.start()])
        domain = _domain(text, at)
        # "$49.99 @ example.com" is a price, not a mailbox.
        if local and domain and (at["plain"] or any(map(str.isalpha, local.group()))):
            yield Finding("email", at.start() - len(local.group()), domain, "pattern")


def _domain(text: str, at: re.Match[str]) -> int | None:
    """Where the domain behind the sign ends; None if there is none. "At" as a word wants "dot" as a word as well:
    "bought at example.com" names a shop.
    """
    patterns = (_SPELT,) if at["spelt"] else (_DOMAIN, _SPELT, _SPACED)
    ends = [match.end() for pattern in patterns if (match := pattern.match(text, at.end()))]
    return max(ends, default=None)


def ip_addresses(text: str) -> Iterator[Finding]:
    """Public IPv4 and IPv6 addresses; those of a home's own network name nobody. Version numbers are left alone."""
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            try:
                public = ipaddress.ip_address(match.group()).is_global
            except ValueError:
                continue
            if public and not is_version(text, match.start()):
                yield Finding("ip_address", *match.span(), "pattern")

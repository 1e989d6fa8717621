"""How far a text is symbols and figures rather than words, after Rae et al. 2021 (Gopher) and Penedo et al. 2024.

Belongs here: counts set against the number of words, as whole thousandths. Does not belong here: thresholds.

Gopher counts hashes and ellipses. In rows of customers dots, exclamation marks and emoji are feeling; what marks
residue of code, markup and tables counts instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# A customer who swears in signs, or shows a price in them.
_SWEARING = re.compile(r"[@#$%&*!?]{3,}")
# ASCII's signs of code and markup, and the box drawing and block elements of tables. A run of them counts once.
_SYMBOLS = re.compile(r"[#|\\/<>{}\[\]=~^_*+@&%$`\u2500-\u259f]+")


def symbol_runs(text: str, words: Sequence[str]) -> int:
    """Runs of symbols of code, markup or tables for every thousand words; 0 without words. "@#$%!" is feeling."""
    return len(_SYMBOLS.findall(_SWEARING.sub(" ", text))) * 1000 // len(words) if words else 0


def words_without_letters(words: Sequence[str]) -> int:
    """Thousandths of the words that hold no letter; 0 without words."""
    return sum(not any(map(str.isalpha, word)) for word in words) * 1000 // len(words) if words else 0

"""What every gate must accept and refuse: one table, which `test_gates` holds the registry to.

A case is a small batch; the last of its texts is the row in question. Candidates are called c0, c1, ... and anchors
a0, a1, ... in the order they stand.
"""

from __future__ import annotations

from careful_assets_tests.filtering.gate_case import Case, GateCases, each
from careful_assets_tests.filtering.gate_cases_kin import KIN
from careful_assets_tests.filtering.gate_cases_own_text import OWN_TEXT

LONG = "the battery of this phone lasts about two days if you do not make many calls"

CASES: dict[str, GateCases] = {
    "format": GateCases(
        accepts=each(
            "The zoom is great.",
            "x",
            "tab\tis layout",
            "a trailing line break\n",
            "مرحبا بالعالم",
            "\u200fשלום עולם",
            "这是一个测试",
            "👩‍👩‍👧 family",
            "naïve cafe\u0301",
            "soft\u00adhyphen",
            "'; drop table rows; --",
            "{{ 7 * 7 }} <script>alert(1)</script>",
        ),
        refuses=[
            *each("", " \t ", "\n\n", "\u200b\ufeff", "\u3000", reason="empty"),
            *each(
                "nul\x00byte",
                "\x00",
                "bell\x07",
                "esc\x1b[31m",
                "\x7fdel",
                "c1\x9b",
                "\x0c",
                reason="control_character",
            ),
            *each("broken \ufffd text", "\ufffd", reason="replacement_character"),
            *each("one\ntwo", "one\r\ntwo", "\nlate", "one\u2028two", "one\x85two", reason="several_lines"),
            *each("12345", "?!...", "👍👍", "\u0301\u0301", "$ 3.99", "_", reason="no_letters"),
        ],
    ),
    "minimum_length": GateCases(
        threshold=3,
        accepts=each("one two three", "don't buy it", "AD-2500 stinks", "测试一", "a . b ! c", "हिन्दी में वाक्य"),
        refuses=each("", "one two", "one , two !!!", "?!", "👍 👍 👍", "don't buy", "\u0301", reason="too_short"),
    ),
    "maximum_length": GateCases(
        threshold=20,
        accepts=each("", "x" * 20, "é" * 20, "👍" * 20),
        refuses=each("x" * 21, "é" * 21, "👍" * 21, " " * 21, "e\u0301" * 11, reason="too_long"),
    ),
    "truncation": GateCases(
        accepts=[
            Case(["it ended"], finish_reason="stop"),
            Case(["nobody knows"], finish_reason=None),
            Case(["length"], finish_reason="stop"),
        ],
        refuses=[Case(["it ended, as it seems."], "cut_off", finish_reason="length")],
    ),
    "exact_duplicate": GateCases(
        accepts=[
            Case(["alone"]),
            Case(["good phone", "good phones"]),
            Case(["good phone", "good phone!"]),
            Case(["good phone"], anchors=["a good phone"]),
            Case(["not good", "good"], anchors=["good, not"]),
        ],
        refuses=[
            Case(["good phone", "good phone"], "copies_candidate", "c0"),
            Case(["good phone", "x", "good phone"], "copies_candidate", "c0"),
            Case(["good phone", "good phone", "good phone"], "copies_candidate", "c0"),
            Case(["Good, phone!", " gOOD ,phone\u200b ! "], "copies_candidate", "c0"),
            Case(["it's “fine”", 'it’s "fine"'], "copies_candidate", "c0"),
            Case(["good phone"], "copies_anchor", "a0", ["good phone", "Good phone"]),
            Case(["GOOD  PHONE"], "copies_anchor", "a1", ["bad phone", "good phone"]),
            Case(["good phone", "good phone"], "copies_anchor", "a0", ["good phone"]),
            Case(["", "\u200b"], "copies_candidate", "c0"),
        ],
    ),
    "near_duplicate": GateCases(
        threshold=0.7,
        accepts=[
            Case([LONG]),
            Case([LONG, "the speaker of this radio breaks after one day if you turn it up"]),
            Case([LONG], anchors=[LONG[: len(LONG) // 2]]),
            Case(["abc", "abd"]),
            Case(["", ""]),
            Case(["?!", "👍"]),
            # b is like a and c like b, but c is not like a; a refused row stands for nothing.
            Case(["abcdefghijklmnopqrst", "cdefghijklmnopqrst", "fghijklmnopqrst"]),
        ],
        refuses=[
            Case([LONG, LONG + "!"], "resembles_candidate", "c0"),
            Case([LONG, LONG.replace("two", "2")], "resembles_candidate", "c0"),
            Case([LONG.upper() + " !!"], "resembles_anchor", "a0", [LONG]),
            Case([LONG, "x", LONG.replace("phone", "fone")], "resembles_candidate", "c0"),
            Case([LONG, LONG + "."], "resembles_anchor", "a1", ["nothing of the kind", LONG + "!"]),
            # More alike than the anchor is the candidate that passed.
            Case(["abcdefghijklmn", "abcdefghijklm"], "resembles_candidate", "c0", ["bcdefghijklmzzzzzz"]),
            # 7 of 10 shingles: at the threshold.
            Case(["abcdefghijklmn", "abcdefghijk"], "resembles_candidate", "c0"),
            Case(["abc", "ABC"], "resembles_candidate", "c0"),
        ],
    ),
    **OWN_TEXT,
    **KIN,
}

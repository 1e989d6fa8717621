"""What the gates that hold a row against its parents, the anchors, other rows or the finder's record must do."""

from __future__ import annotations

from careful_assets_tests.filtering.gate_case import Case, GateCases

_SHORT = "too_short_to_judge"
_SEED = "the battery of this phone lasts about two days if you do not make many calls"
_NEW = "after a week the left speaker began to rattle and nobody answers my letters"
_WORDS = f"{_SEED} {_NEW}".split()

KIN: dict[str, GateCases] = {
    "seed_echo": GateCases(
        threshold=400,
        accepts=[
            Case([_SEED]),
            Case([_SEED], anchors=[_SEED]),
            Case([_NEW], anchors=[_SEED], parents=["a0"]),
            # The same words, but nowhere five in a row or 40% of the characters in one piece.
            Case(
                ["if you make calls the phone battery lasts two days , not about many of these"],
                anchors=[_SEED],
                parents=["a0"],
            ),
            # Another row's parent.
            Case([_SEED[:60]], anchors=[_NEW, _SEED], parents=["a0"]),
            Case(["on and on it goes , until " + _SEED[:15]], anchors=[_SEED], parents=["a0"]),
        ],
        refuses=[
            Case([_SEED], "echoes_parent", "a0", [_SEED], parents=["a0"]),
            Case([_SEED[:45].upper() + " , or so they say"], "echoes_parent", "a0", [_SEED], parents=["a0"]),
            Case(["i think that " + _SEED[20:]], "echoes_parent", "a1", [_NEW, _SEED], parents=["a0", "a1"]),
            # No passage is long, but most runs of five words are the parent's.
            Case(
                [" ".join([*_WORDS[:10], "x", *_WORDS[10:20], "y", *_WORDS[20:]])],
                "echoes_parent",
                "a0",
                [" ".join(_WORDS)],
                parents=["a0"],
            ),
            # Of a terse row only the whole is an echo.
            Case(["about two days"], "echoes_parent", "a0", [_SEED], parents=["a0"]),
            Case([_NEW], "parent_not_found", "gone", [_SEED], parents=["a0", "gone"]),
        ],
        abstains=[
            Case([""], _SHORT),
            Case(["about 2 days"], _SHORT, anchors=[_SEED], parents=["a0"]),
            # A word is whole or not there.
            Case(["out two day"], _SHORT, anchors=[_SEED], parents=["a0"]),
        ],
    ),
    "novelty": GateCases(
        threshold=0.7,
        accepts=[
            Case([_SEED]),
            Case([_SEED, _NEW]),
            Case([_NEW], anchors=[_SEED]),
            # The same words in another order.
            Case([_SEED, " ".join(reversed(_SEED.split()))]),
            # A refused row stands for nothing: 10 of 14 words follow the first row, 10 the second, 7 the first.
            Case(["a b c d e f g h i j", "a b c d e f g h x y", "a b c d e f x y u v"]),
        ],
        refuses=[
            Case([_SEED, _SEED.replace("phone", "thing")], "words_of_candidate", "c0"),
            Case([_SEED.replace("phone", "thing")], "words_of_anchor", "a1", [_NEW, _SEED]),
            Case([_SEED, _SEED + " , sadly"], "words_of_anchor", "a0", [_SEED + " , sadly enough"]),
            # 7 of 10 words: at the threshold.
            Case(["a b c d e f g h i j", "a b c d e f g x y z"], "words_of_candidate", "c0"),
        ],
        abstains=[Case(["", "?!"], _SHORT), Case(["one two three four five six seven"] * 2, _SHORT)],
    ),
    "personal_data": GateCases(
        accepts=[
            Case(["the battery died"]),
            # Names are another gate's.
            Case(["thanks to Ann the battery works"], personal_data=["name"]),
            # The record decides, not the text.
            Case(["call 212-555-0123"]),
        ],
        refuses=[
            *(
                Case([f"reach me at [{kind}] please"], "personal_data", personal_data=[kind])
                for kind in ("email", "phone", "card", "iban", "national_id", "account_number", "address", "ip_address")
            ),
            Case(["[email]"], "personal_data", personal_data=["email", "name"]),
        ],
    ),
    "invented_names": GateCases(
        accepts=[
            Case(["the battery died after a week"]),
            Case(["Ann told me so"], anchors=["ask ann about it"], personal_data=["name"]),
            Case(["I like Tom Jones's songs"], anchors=["a tom jones concert"], personal_data=["name"]),
            Case(["Apex Ltd answered"], anchors=["my apex player"]),
            Case(["SENT BACK TO INC"]),
            Case(["Reno , NV"]),
            Case(["the Electronics shop , Inc. or not"]),
            Case(["a Nomad Limited Edition"]),
        ],
        refuses=[
            Case(["I spoke to Ann Miller"], "invented_person", anchors=["ask ann about it"], personal_data=["name"]),
            Case(["My name is Zebulon"], "invented_person", anchors=["no name"], personal_data=["name"]),
            *(
                Case([f"{company} never answered"], "invented_company", anchors=["the player of apex"])
                for company in (
                    "Vortal Inc",
                    "Vortal, Inc.",
                    "Brandt GmbH",
                    "Ostfalen Werke AG",
                    "Smith & Sons Ltd",
                    "Kréta S.A.",
                    "Nordic Electronics",
                    "Vortal Holdings",
                    "Überlicht Corp",
                    "Vortal LLC",
                )
            ),
        ],
    ),
    "semantic_duplicate": GateCases(
        threshold=0.85,
        accepts=[
            Case([_SEED]),
            Case([_SEED, _NEW]),
            Case([_NEW], anchors=[_SEED]),
            # Texts under eight tokens stand for nothing.
            Case([_SEED], anchors=["battery of this phone"]),
            # A refused row stands for nothing: the third is near the second alone.
            Case(["a b c d e f g h i j", "a b c d e f g h i z", "a b c d e f g h y z"]),
        ],
        refuses=[
            Case([_SEED, " ".join(reversed(_SEED.split()))], "means_candidate", "c0"),
            Case([" ".join(sorted(_SEED.split()))], "means_anchor", "a1", [_NEW, _SEED]),
            Case([_SEED, _SEED], "means_anchor", "a0", [_SEED]),
        ],
        abstains=[Case(["", "?!"], _SHORT), Case(["one two three four five six seven"] * 2, _SHORT)],
    ),
}

"""The gates over a row's own text against real rows, planted faults in them, and writing of many kinds."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import careful_assets.text.refusals as refusals
from careful_assets.anchors.sources.opening import open_source
from careful_assets.card.profiles import base_profile
from careful_assets.catalogue import load_dataset
from careful_assets.filtering.gate import Decision
from careful_assets.filtering.gates import GATES
from careful_assets.filtering.gates.language import expected_languages
from careful_assets.text.normalize import tokens
from careful_assets_tests.filtering.frames import anchors_of, candidates_of
from careful_assets_tests.filtering.gate_cases_own_text import ENGLISH, OWN_TEXT
from careful_assets_tests.life.arrange import PACKAGED

OWN = sorted(OWN_TEXT)
CELLS = ["rare_class.training", "paraphrase.training"]


def threshold_of(name: str, cell: str = CELLS[0]) -> float | None:
    """The gate's threshold in the profile; fails where the profile lacks the gate."""
    (threshold,) = [setting.threshold for setting in base_profile(cell).gates if setting.gate == name]
    return threshold


def judged(name: str, texts: list[str], anchors: list[str] | None = None) -> list[Decision]:
    """What the gate says of the texts at its profile's threshold."""
    return GATES[name].judge(candidates_of(texts), anchors_of(anchors or ENGLISH), threshold_of(name))


@pytest.fixture(scope="module")
def real(anchor_cache: Path) -> list[str]:
    """The demo's 3,708 real sentences."""
    reading = open_source(load_dataset(PACKAGED / "card.yaml").card.anchors.source, anchor_cache, anchor_cache)
    (batch,) = reading.batches([reading.mapping.text])
    texts = batch[reading.mapping.text].to_list()
    assert len(texts) == 3708
    return texts


@pytest.mark.parametrize("name", OWN)
def test_no_real_row_is_refused(real, name):
    """All 3,708 real sentences pass each gate at the thresholds of the profiles: an upper bound of 0.1% (95%)."""
    assert [d.evidence for d in judged(name, real, real) if not d.passed] == []
    assert threshold_of(name, CELLS[0]) == threshold_of(name, CELLS[1])


def zalgo(text: str, rng: random.Random) -> str:
    return "".join(letter + "".join(rng.choices("\u0301\u0316\u0302\u0317\u0303", k=6)) for letter in text)


PLANTS = {
    "unicode_limits": [
        zalgo,
        lambda text, rng: text.replace("e", "\u0435").replace("a", "\u0430"),
        lambda text, rng: "\u202e" + text,
        lambda text, rng: text[:4] + "\U000e0061\U000e0062" + text[4:],
        lambda text, rng: "\u00ad".join(text),
        lambda text, rng: text + rng.choice("\ue000\uf8ff\U00100000"),
    ],
    "refusal": [
        lambda text, rng: "I'm sorry, but I can't assist with that request.",
        lambda text, rng: f"As an AI language model, I would say: {text}",
        lambda text, rng: f"Here are {rng.randint(2, 9)} negative reviews: {text}",
        lambda text, rng: f"Sure! Here's a review: {text}",
        lambda text, rng: f"{text} [Product Name]",
        lambda text, rng: f"{text}<|endoftext|>",
        lambda text, rng: f'"Review: {text}"',
    ],
    "repetition": [
        lambda text, rng: " ".join([text] * rng.randint(2, 9)),
        lambda text, rng: text + " and so" * len(text),
        lambda text, rng: text + rng.choice("axz") * (len(text) * 2 + 40),
    ],
    "symbols": [
        lambda text, rng: " ".join(f"<b>{word}</b>" for word in text.split()),
        lambda text, rng: " | ".join(text.split()),
        lambda text, rng: " ".join(str(rng.randint(0, 9999)) for _ in range(60)) + " " + text[:40],
    ],
    "profanity": [
        lambda text, rng: f"{text} fucking thing",
        lambda text, rng: f"f*ck, {text}",
        lambda text, rng: f"F U C K: {text}",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "number"), [(name, n) for name, plants in PLANTS.items() for n in range(len(plants))])
def test_faults_planted_in_real_rows_are_found(real, name, number):
    """Each fault in 300 real rows of ten words or more: every one is refused (recall over 0.99 with 95% confidence)."""
    rng = random.Random(number)
    rows = rng.sample([text for text in real if len(tokens(text)) >= 10 and "a" in text and "e" in text], 300)
    decisions = judged(name, [PLANTS[name][number](text, rng) for text in rows])
    assert [n for n, decision in enumerate(decisions) if decision.passed] == []


SCRIPTS = "".join(
    chr(code)
    for first, last in [(0x20, 0x7E), (0xC0, 0x17F), (0x391, 0x3C9), (0x410, 0x44F), (0x5D0, 0x5EA), (0x620, 0x64A),
                        (0x905, 0x939), (0xE01, 0xE30), (0x3041, 0x3096), (0x4E00, 0x4E80), (0x1F300, 0x1F5FF)]
    for code in range(first, last + 1)
    if code not in (0x3A2, 0x63B, 0x63C, 0x63D, 0x63E, 0x63F)
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from(SCRIPTS), max_size=6), max_size=8), st.data())
def test_a_stray_character_is_found_wherever_it_stands(words, data):
    """A private, unassigned or overriding character put into writing of any script is refused, with its place."""
    text = " ".join(words)
    place = data.draw(st.integers(0, len(text)))
    stray = data.draw(st.sampled_from(["\ue123", "\uffff", "\u202e"]))
    (decision,) = judged("unicode_limits", [text[:place] + stray + text[place:]])
    assert not decision.passed
    assert decision.reason == "mixed_script_word" or decision.evidence == f"character {place + 1}"


@settings(deadline=None)
@given(st.text(st.sampled_from("\u202a\u202b\u202c\u2066\u2067\u2068\u2069a "), max_size=12))
def test_closing_all_that_is_open_makes_directions_harmless(text):
    """Whatever is opened, ends of isolates and embeddings enough close it; no order of them is an error."""
    closed = text + "\u202c\u2069" * (len(text) + 1)
    (before, after) = judged("unicode_limits", [text, closed])
    assert after.passed
    assert before.passed or before.reason == "reordered_text"


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(OWN))
def test_any_text_is_decided_alike_twice(text, name):
    """The same text, the same decision, beside others or alone; evidence is short and free of the row's words."""
    (alone,) = judged(name, [text])
    beside = judged(name, ["some other row that stands here first, and is long enough to judge", text])
    assert beside[1] == alone
    assert len(alone.evidence or "") < 100
    assert (alone.evidence is None) == alone.passed


HOSTILE = {
    "brackets": "[product " * 30_000, "braces": "{{a_" * 60_000, "asterisks": "f" + "*" * 250_000,
    "openers": "\u2067" * 250_000, "embeddings": "\u202a" * 125_000 + "\u2069" * 125_000, "spaces": " " * 250_000,
    "apologies": "sorry i'm " * 25_000, "emoji": "👩‍👩‍👧👍🏽🇩🇪" * 20_000, "mixed": "aа" * 125_000,
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_a_long_text_that_keeps_a_pattern_searching_is_decided(kind):
    """A quarter of a megabyte of what a pattern begins with, at every gate: squares would run out of time."""
    for name in OWN:
        (decision,) = judged(name, [HOSTILE[kind]])
        assert len(decision.evidence or "") < 100


def test_the_languages_of_real_rows_are_expected(real):
    """The demo is English alone; a share of 2% of other rows makes their language expected, 0.5% does not."""
    german = "Das Gerät ist leider schon nach einer Woche kaputt gegangen, Nummer {}."
    english = [text for text in real if len(text.split()) >= 12][:990]
    assert expected_languages(anchors_of(real).anchors) == {"en"}
    few = [german.format(n) for n in range(5)]
    assert expected_languages(anchors_of(english + few).anchors) == {"en"}
    many = [german.format(n) for n in range(20)]
    assert expected_languages(anchors_of(english + many).anchors) == {"de", "en"}


def test_a_large_source_is_sampled(monkeypatch):
    """Of a hundred thousand anchors some thousands are read, and they tell the same."""
    read: list[str] = []
    gate = sys.modules["careful_assets.filtering.gates.language"]
    monkeypatch.setattr(gate, "likeliest", lambda text: read.append(text) or "en")
    anchors = pl.DataFrame({"text": [f"{n} {ENGLISH[0]}" for n in range(100_000)]})
    assert expected_languages(anchors) == {"en"}
    assert 3000 <= len(read) <= 4000


# Of each version of the list its digest: who changes the list, raises the version in its first line and the gate's.
LISTS = {1: "9764ef13d8a33256"}


def test_a_changed_list_has_a_new_version():
    """Decisions name the version of the list they were made by; a version stands for one list."""
    path = Path(refusals.__file__).parent / "lexicons" / "refusals.txt"
    version = refusals._listed()[0]
    assert version == GATES["refusal"].version
    assert hashlib.sha256(path.read_bytes()).hexdigest()[:16] == LISTS[version]


def test_the_identifier_is_loaded_where_it_is_used():
    """Listing the gates loads neither the identifier nor the lists."""
    code = (
        "import sys, careful_assets.filtering.gates\n"
        "from careful_assets.text import profanity, refusals\n"
        "print('py3langid' in sys.modules, profanity._lexicon.cache_info().currsize, "
        "refusals._listed.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "0", "0"]

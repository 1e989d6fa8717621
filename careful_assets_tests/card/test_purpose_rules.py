from __future__ import annotations

from copy import deepcopy
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from careful_assets.card.damage import TABLE, highest
from careful_assets.card.reader import read_card
from careful_assets.card.rules import broken_rules
from careful_assets.errors import MalformedInput
from careful_assets_tests.card.cards import CARD, swapped, write_card

MEASURES = (
    ("use: training\n", "use: evaluation\n"),
    ("allowed: [training]", "allowed: [evaluation]"),
    ("{use: evaluation, reason: Not real.}", "{use: training, reason: It measures.}"),
)


def sets(*named: tuple[str, str], digests: str = "ab") -> tuple[str, str]:
    """The card with these sets, by name and dataset."""
    listed = ", ".join(
        f"{{name: {name}, dataset: {dataset}, version: 1.0.0, content_digest: {digest * 64}}}"
        for (name, dataset), digest in zip(named, digests, strict=False)
    )
    return ("  max_leak_share: 0.05\n", f"  max_leak_share: 0.05\n  sets: [{listed}]\n")


PLAIN: dict[str, Any] = YAML(typ="safe", pure=True).load(CARD)
VERIFIERS = ("program", "people", "judges", "none")  # the better first
SQL = (
    "    kind: csv\n    path: ../tickets.csv\n",
    "    kind: sql\n    database: tickets.duckdb\n    url: env:TICKETS\n    query: select * from tickets\n",
)
NO_DATABASE = (SQL[0], "    kind: sql\n    query: select * from tickets\n")
COLUMNS = "columns: {text: body, label: intent}"

# What a card says, its key, and the whole message.
REFUSALS = [
    (
        [("kind: judges,", "kind: none,")],
        "purpose.verifier.kind",
        "none is refused for training, which faces reality: rows that nothing can check only launder the generator's "
        "guesses; name people, judges or a program, or change the use",
    ),
    (
        [("target_count: 60", "target_count: 20")],
        "purpose.gap[0].target_count",
        "20 is not above current_count, 20: no gap to fill; raise it, or drop this",
    ),
    (
        [("artifact_type: rare_class", "artifact_type: rationale")],
        "purpose.artifact_type",
        "no gate profile for the cell rationale.training (artifact type × use); known cells: paraphrase.training, "
        "rare_class.evaluation, rare_class.training",
    ),
    (
        [("nature: simulation", "nature: fabrication")],
        "purpose.nature",
        "fabrication is refused for training: rows that follow no measured distribution must not face reality; anchor "
        "the dataset and declare `nature: simulation`, or change the use",
    ),
    (
        [("  simulates: {split: exemplar, labels: [rare], words: The rare tickets.}\n", "")],
        "purpose.nature",
        "simulation needs `simulates`: the measured distribution that it draws from (split, labels, words)",
    ),
    (
        [("labels: [rare], words", "labels: [rear], words")],
        "purpose.simulates.labels[0]",
        "'rear' is none of anchors.labels: rare, common",
    ),
    (
        [("labels: [rare], words", "labels: [rare, rare], words")],
        "purpose.simulates.labels[1]",
        "'rare' is named a second time; keep one",
    ),
    (
        [("max_synthetic_share: 0.5", "max_synthetic_share: 0.55")],
        "training.max_synthetic_share",
        "0.55 is above 0.5, the cap where a wrong row does moderate damage and is looked for by judges; lower it to "
        "0.5 or less, or name a verifier that decides more",
    ),
    (
        [("max_leak_share: 0.05", "max_leak_share: 0.051")],
        "evaluation.max_leak_share",
        "0.051 is above 0.05, the cap where a wrong row does moderate damage; lower it to 0.05 or less",
    ),
    (
        [("damage: moderate", "damage: serious"), ("max_leak_share: 0.05", "max_leak_share: 0.02")],
        "purpose.verifier.kind",
        "a check by judges is not enough where a wrong row does serious damage; name one of program, grounding, people",
    ),
    (
        [("visible_change: 0.2", "visible_change: 0.4")],
        "evaluation.ruler.visible_change",
        "0.4 is above discordant_share, 0.3: predictors that differ on that share of the rows cannot differ by more in "
        "recall; lower it, or raise discordant_share",
    ),
    (
        [sets(("anchors", "other"))],
        "evaluation.sets[0].name",
        "'anchors' is what the anchors' own sealed rows are called; name the set otherwise",
    ),
    (
        [sets(("field", "other"), ("field", "another"))],
        "evaluation.sets[1].name",
        "'field' is named a second time; keep one, or give each a name of its own",
    ),
    (
        [sets(("field", "other"), ("again", "other"), digests="aa")],
        "evaluation.sets[1].content_digest",
        "is that of 'field', too: the same rows would be scored as two sets; keep one",
    ),
    (
        [sets(("field", "tickets"))],
        "evaluation.sets[0].dataset",
        "is this dataset itself: nothing is measured on what it made; name a set of another dataset",
    ),
    (
        [SQL],
        "anchors.source.url",
        "stands beside `database`, and a query goes to one of them; keep `database` for a file, `url` for a server",
    ),
    (
        [NO_DATABASE],
        "anchors.source",
        "needs `database`, a DuckDB or SQLite file, or `url`, the variable that holds a server's address; add one",
    ),
    *(
        (
            [("  licence: CC0\n", f"  licence: CC0\n  contract: {path}\n")],
            "anchors.contract",
            f"'{path}' leads out of the card's folder; move the file there, beside the card",
        )
        for path in ("../suite.json", "/etc/hostname", "suites/../../suite.json")
    ),
    *(
        (
            [(COLUMNS, f"columns: {{text: body, label: intent, attributes: [{column}]}}")],
            "anchors.source.columns.attributes[0]",
            f"'{column}' is the {role} column; name columns that describe who or what a row is about, or drop it",
        )
        for role, column in (("text", "body"), ("label", "intent"))
    ),
    (
        [(COLUMNS, "columns: {text: body, label: intent, attributes: [age, age]}")],
        "anchors.source.columns.attributes[1]",
        "'age' is named a second time; keep one",
    ),
]


@pytest.mark.parametrize(("changes", "key", "message"), REFUSALS, ids=lambda value: str(value)[:50])
def test_a_refusal_says_all_of_it(tmp_path: Path, changes: list[tuple[str, str]], key: str, message: str) -> None:
    """Each refusal is the card's only fault, at its key, and its message is this one, word by word."""
    with pytest.raises(MalformedInput) as caught:
        read_card(write_card(tmp_path, swapped(*changes)))
    assert [(fault.key, fault.message) for fault in caught.value.faults] == [(key, message)]


def test_one_database_or_one_url_is_accepted(tmp_path: Path) -> None:
    """A query over a file holds, and one over a server does."""
    for number, line in enumerate(("    url: env:TICKETS\n", "    database: tickets.duckdb\n")):
        text = swapped((SQL[0], SQL[1].replace(line, "")))
        assert read_card(write_card(tmp_path / str(number), text)).card.anchors.source.kind == "sql"


def test_an_evaluation_set_that_measures_alone_is_accepted(tmp_path: Path) -> None:
    """Its cell has a profile, evaluation is its one use, and training is forbidden by name."""
    loaded = read_card(write_card(tmp_path, swapped(*MEASURES)))
    assert loaded.profile.cell == "rare_class.evaluation"


@pytest.mark.parametrize(
    ("limits", "key", "words"),
    [
        ({"allowed": ["evaluation", "training"]}, "use_limits.allowed", "training is refused for an evaluation set"),
        ({"forbidden": [{"use": "demo"}]}, "use_limits.forbidden", "must name training, for this is an evaluation set"),
    ],
)
def test_nothing_is_trained_on_an_evaluation_set(limits: dict[str, Any], key: str, words: str) -> None:
    """A card for evaluation that allows training, or does not forbid it, is refused at that key."""
    card = deepcopy(PLAIN)
    card["purpose"]["use"] = "evaluation"
    card["use_limits"] = {"allowed": ["evaluation"], "forbidden": [{"use": "training"}]} | limits
    assert any(".".join(map(str, place)) == key and words in said for place, said in broken_rules(card))


@pytest.mark.parametrize(
    ("kind", "key", "words"),
    [
        ("rationale", "purpose.artifact_type", "rationale is refused for evaluation: a gold answer that a generator"),
        ("code_with_tests", "purpose.artifact_type", "code_with_tests is refused for evaluation: a gold answer"),
        ("rag_question", "purpose.verifier.kind", "must be grounding for rag_question.evaluation"),
    ],
)
def test_generated_gold_answers_and_ungrounded_questions_are_refused(kind: str, key: str, words: str) -> None:
    """What would make a generator's mistakes the truth is refused by name, whatever profile there is."""
    card = deepcopy(PLAIN)
    card["purpose"] |= {"use": "evaluation", "artifact_type": kind}
    assert any(".".join(map(str, place)) == key and words in said for place, said in broken_rules(card))
    if kind == "rag_question":
        card["purpose"]["verifier"] |= {"kind": "grounding"}
        assert not any(".".join(map(str, place)) == key for place, _ in broken_rules(card))


def values(**changes: Any) -> dict[str, Any]:
    """The small card as plain values: gaps of these `levels`, and what else is named."""
    card = deepcopy(PLAIN)
    labels = [f"class {number}" for number in range(len(changes["levels"]))]
    (gap,) = card["purpose"]["gap"]
    card["anchors"]["labels"] = [*labels, "rare"]
    card["evaluation"]["slices"] = []
    card["purpose"]["gap"] = [
        gap | {"label": label, "damage": level} for label, level in zip(labels, changes["levels"], strict=True)
    ]
    card["purpose"]["verifier"]["kind"] = changes["verifier"]
    card["training"]["max_synthetic_share"] = changes["synthetic"]
    card["evaluation"]["max_leak_share"] = changes["leaks"]
    return card


SHARES = st.one_of(st.floats(0, 1), st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9]))


@settings(max_examples=300, deadline=None)
@given(
    levels=st.lists(st.sampled_from(list(TABLE)), min_size=1, max_size=4),
    verifier=st.sampled_from(VERIFIERS),
    synthetic=SHARES,
    leaks=SHARES,
)
def test_a_card_is_held_to_the_table_of_its_worst_gap(
    levels: list[Any], verifier: str, synthetic: float, leaks: float
) -> None:
    """A card is refused exactly where it passes a cap or lacks the verifier of its most damaging gap, each once."""
    found = [
        place for place, _ in broken_rules(values(levels=levels, verifier=verifier, synthetic=synthetic, leaks=leaks))
    ]
    demanded = TABLE[max(levels, key=["minor", "moderate", "serious", "severe"].index)]
    cap = demanded.max_synthetic_share.get(verifier)
    expected = []
    if cap is None or verifier == "none":
        expected.append(("purpose", "verifier", "kind"))
    if cap is not None and synthetic > cap:
        expected.append(("training", "max_synthetic_share"))
    if leaks > demanded.max_leak_share:
        expected.append(("evaluation", "max_leak_share"))
    assert sorted(found) == sorted(expected)


def test_more_damage_never_allows_more() -> None:
    """From level to level more rows are read, no cap rises, and no verifier is admitted anew."""
    levels = list(TABLE.values())
    assert list(TABLE) == ["minor", "moderate", "serious", "severe"]
    for lower, higher in pairwise(levels):
        assert lower.review_rows is not None
        assert higher.review_rows is None or higher.review_rows > lower.review_rows
        assert higher.max_leak_share < lower.max_leak_share
        assert higher.max_synthetic_share.keys() <= lower.max_synthetic_share.keys()
        for verifier, cap in higher.max_synthetic_share.items():
            assert cap < lower.max_synthetic_share[verifier]
    assert levels[-1].review_rows is None


def test_a_better_verifier_allows_more_generated_rows() -> None:
    """Program before people before judges before nothing: the cheaper and surer the check, the higher the cap."""
    for demanded in TABLE.values():
        caps = [demanded.max_synthetic_share[name] for name in VERIFIERS if name in demanded.max_synthetic_share]
        assert caps == sorted(caps, reverse=True)
        assert len(set(caps)) == len(caps)


def test_the_rows_to_read_bound_the_wrong_ones() -> None:
    """No wrong row among those read bounds the wrong ones by 10, 5 and 1 percent with 95% confidence."""
    bounds = {"minor": 0.1, "moderate": 0.05, "serious": 0.01}
    for level, bound in bounds.items():
        assert (1 - bound) ** TABLE[level].review_rows <= 0.05


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(list(TABLE)), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_highest_level_counts_in_any_order(levels: list[Any], random: Any) -> None:
    """The worst gap decides, wherever it stands."""
    shuffled = random.sample(levels, len(levels))
    assert highest(shuffled) == max(levels, key=["minor", "moderate", "serious", "severe"].index)


def test_dates_of_validity_are_dates(tmp_path: Path) -> None:
    """What was vouched for, and until when, is on the card."""
    until = read_card(write_card(tmp_path)).card.lifecycle.valid_until
    assert (until.owner, until.verifier, until.anchors) == (date(2027, 11, 22),) * 3

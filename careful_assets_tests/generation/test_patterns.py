from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import careful_assets
from careful_assets.card.fields import ArtifactType
from careful_assets.card.profiles import base_profile, known_cells
from careful_assets.card.prompts import VARIABLES, read_prompt
from careful_assets.generation.patterns import PATTERNS
from careful_assets.generation.patterns.pattern import Turn
from careful_assets.generation.plan import plan_round
from careful_assets.generation.prompts import render
from careful_assets.generation.rounds import planned_rounds
from careful_assets.llm.requests import GeneratorIdentity
from careful_assets_tests.generation.examples import card, exemplars, prompt, rounds

WHO = GeneratorIdentity("m", "f", "d")
PACKAGE = Path(careful_assets.__file__).parent
TEMPLATES = PACKAGE / "generation" / "patterns" / "templates"
DEMO_PROMPT = PACKAGE / "defs" / "product_complaints" / "prompts" / "rare_class.jinja"
SHIPPED = [(artifact_type, mode) for artifact_type in PATTERNS for mode in ("completion", "chat")]
PROMPTS = [prompt("{{ label }}|{{ seed }}|{{ exemplars | join('|') }}", "say_again")]

GOLDEN_PARENTS = [("sad2.2", "sad0.0"), ("sad4.0", "sad2.0"), ("sad3.1", "sad4.0")]


def paraphrases(**options):
    given = card(**options)
    return given.model_copy(update={"purpose": given.purpose.model_copy(update={"artifact_type": "paraphrase"})})


def groups_of(sizes):
    return [[(f"g{group}.{row}", f"text {row} of {group}") for row in range(n)] for group, n in enumerate(sizes)]


SIZES = st.lists(st.integers(1, 5), min_size=1, max_size=7)


@settings(max_examples=60, deadline=None)
@given(sizes=SIZES, seed=st.integers(0, 2**31 - 1), first=st.integers(0, 60), data=st.data())
def test_every_exemplar_is_a_seed_once_before_any_is_twice(sizes, seed, first, data):
    """Any run of requests over the label takes its exemplars in whole passes; none is shown beside itself."""
    groups, total = groups_of(sizes), sum(sizes)
    group_of = {row: at for at, group in enumerate(groups) for row in group}
    shown = data.draw(st.integers(1, total))
    start = first * total
    chosen = [
        PATTERNS["paraphrase"].choose(groups, Turn(seed, "angry", 7 * at, at, shown))
        for at in range(start, start + 2 * total)
    ]
    for one_pass in (chosen[:total], chosen[total:]):
        assert len({rows[0] for rows in one_pass}) == total
        # Balanced: a group comes again only once each that still has rows has come as often.
        came: Counter[int] = Counter()
        for rows in one_pass:
            group = group_of[rows[0]]
            assert all(came[group] <= came[other] for other in range(len(sizes)) if came[other] < sizes[other])
            came[group] += 1
    for rows in chosen:
        assert len(set(rows)) == len(rows) == shown
        foreign = total - sizes[group_of[rows[0]]]
        beside = [group_of[row] for row in rows[1:]]
        assert sum(group != group_of[rows[0]] for group in beside) == min(shown - 1, foreign)


def test_seeds_go_on_over_labels_and_rounds():
    """With two labels whose requests take turns in number, each label's passes go on where its last round ended."""
    past = rounds((1, "angry", 5, 5, 0, None, None), (1, "sad", 11, 11, 0, None, None))
    planned = planned_rounds(paraphrases(n=1, shown=2, target=24, max_rounds=2), PROMPTS, exemplars(), WHO, past)
    assert planned.open_round == 2
    for label in ("angry", "sad"):
        seeds = [request.parent_ids[0] for request in planned.requests if request.stratum == label]
        assert len(set(seeds[:18])) == 18
        assert len(seeds) > 18


def test_a_paraphrase_shows_its_seed_and_records_it_first():
    """The prompt holds the seed, scrubbed, and the others in the order of the record; with one row shown, none."""
    frame = exemplars(3, 2).with_columns(text=exemplars(3, 2)["text"] + " Mail ann@example.org")
    for shown in (1, 3):
        plan = plan_round(paraphrases(n=4, shown=shown), PROMPTS, frame, WHO, 1, {"angry": 20}, 0)
        texts = dict(frame.select("row_id", "text").iter_rows())
        assert [request.completions for request in plan] == [4] * 5
        for request in plan:
            wanted = [texts[row_id].replace("ann@example.org", "[email]") for row_id in request.parent_ids]
            assert request.rendered_prompt == "|".join(["angry", *wanted, *([""] if shown == 1 else [])])


def test_the_order_of_seeds_is_the_same_on_every_machine():
    """A golden plan of paraphrases: what decided it may not drift with a release of Python or Polars."""
    plan = plan_round(paraphrases(shown=2), PROMPTS, exemplars(), WHO, 1, {"sad": 24}, 5, {"sad": 4})
    assert [request.parent_ids for request in plan] == GOLDEN_PARENTS
    other = plan_round(paraphrases(shown=2, seed=8), PROMPTS, exemplars(), WHO, 1, {"sad": 24}, 5, {"sad": 4})
    assert [request.parent_ids for request in other] != GOLDEN_PARENTS


def test_whatever_has_a_profile_has_a_pattern():
    """Patterns, their variables, profiles and shipped templates name the same artifact types, all known to cards."""
    profiled = {cell.split(".")[0] for cell in known_cells()}
    assert profiled == PATTERNS.keys() == VARIABLES.keys() == {path.name for path in TEMPLATES.iterdir()}
    assert profiled <= set(get_args(ArtifactType))
    for name, pattern in PATTERNS.items():
        assert pattern.artifact_type == name
        assert {"label", *pattern.seen(["a", "b"])} == set(VARIABLES[name].may)


@pytest.mark.parametrize(("artifact_type", "mode"), SHIPPED)
@pytest.mark.parametrize("shown", [1, 3])
def test_shipped_templates_are_usable(artifact_type, mode, shown):
    """Each is read without a fault and shows what it is given; completion ends where the model has to go on."""
    template = read_prompt(TEMPLATES / artifact_type / f"{mode}.jinja", artifact_type)
    texts = [f"text {number}" for number in range(shown)]
    text = render(template, {"label": "very_negative", **PATTERNS[artifact_type].seen(texts)})
    assert texts[0] in text
    assert text == text.strip()
    assert "\n\n\n" not in text
    assert text.splitlines()[-1] in {"completion": ("-", "In other words:")}.get(mode, (text.splitlines()[-1],))


def test_the_demo_uses_the_shipped_template_and_asks_as_ever():
    """The demo's prompt is the shipped one for base models, and renders to this, byte by byte."""
    assert DEMO_PROMPT.read_bytes() == (TEMPLATES / "rare_class" / "completion.jinja").read_bytes()
    text = render(
        read_prompt(DEMO_PROMPT, "rare_class"), {"label": "very_negative", "exemplars": ["One.", "{{ two }}"]}
    )
    assert text == "Very negative sentences from customer reviews of electronic products:\n\n- One.\n- {{ two }}\n-"


def test_copies_of_seeds_are_refused_by_the_profile_of_paraphrases():
    """Every gate of rare_class but that of equal meaning is there, near copies no looser, and no check is left out."""
    own, rare = base_profile("paraphrase.training"), base_profile("rare_class.training")
    near, theirs = ({gate.gate: gate.threshold for gate in profile.gates} for profile in (own, rare))
    assert theirs.keys() - near.keys() == {"semantic_duplicate"}
    assert near["near_duplicate"] <= theirs["near_duplicate"]
    assert own.checks == rare.checks

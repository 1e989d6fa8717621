import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.errors import Refused, StageFailed
from careful_assets.generation.plan import plan_round
from careful_assets.llm.requests import SEEDS, GeneratorIdentity
from careful_assets_tests.generation.examples import PROMPTS, card, exemplars

WHO = GeneratorIdentity("m", "f", "d")
QUOTAS = st.dictionaries(st.sampled_from(["angry", "sad"]), st.integers(0, 60))


@settings(max_examples=30, deadline=None)
@given(
    quotas=QUOTAS, n=st.integers(1, 9), shown=st.integers(1, 6), groups=st.integers(1, 7), rows=st.integers(1, 4),
    first=st.integers(0, 50), seed=st.integers(0, 2**31 - 1), order=st.randoms(use_true_random=False),
)  # fmt: skip
def test_a_plan_asks_what_it_should(quotas, n, shown, groups, rows, first, seed, order):
    """Asked rows are the quota, seeds never overlap, exemplars bear the label, differ, and spread over groups."""
    if groups * rows < shown:
        return
    frame = exemplars(groups, rows)
    settings_ = card(n=n, shown=shown, seed=seed)
    plan = plan_round(settings_, PROMPTS, frame, WHO, 1, quotas, first)
    for label in ("angry", "sad"):
        assert sum(r.completions for r in plan if r.stratum == label) == quotas.get(label, 0)
    assert all(1 <= r.completions <= n for r in plan)
    # Seeds begin again at 0 behind the last one that servers take.
    seeds = [(r.seed + i) % SEEDS for r in plan for i in range(r.completions)]
    assert len(set(seeds)) == len(seeds)
    assert [r.seed for r in plan] == [(seed + (first + i) * n) % SEEDS for i in range(len(plan))]
    by_id = {row["row_id"]: row for row in frame.iter_rows(named=True)}
    for asked in plan:
        parents = [by_id[row_id] for row_id in asked.parent_ids]
        assert len(set(asked.parent_ids)) == shown
        assert {row["label"] for row in parents} == {asked.stratum}
        assert len({row["group_id"] for row in parents}) == min(shown, groups)
        assert all(row["text"] in asked.rendered_prompt for row in parents)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=order.randrange(1000))
    reversed_quotas = dict(reversed(quotas.items()))
    assert plan_round(settings_, PROMPTS, shuffled, WHO, 1, reversed_quotas, first) == plan


def test_templates_rotate_and_exemplars_vary():
    """Each template gets its share of requests, each exemplar its chance; another seed draws others."""
    plan = plan_round(card(), PROMPTS, exemplars(), WHO, 1, {"angry": 240}, 0)
    assert [r.prompt_id for r in plan[:4]] == ["a", "b", "c", "a"]
    assert {row_id for r in plan for row_id in r.parent_ids} == {f"angry{g}.{i}" for g in range(6) for i in range(3)}
    other = plan_round(card(seed=8), PROMPTS, exemplars(), WHO, 1, {"angry": 240}, 0)
    assert [r.parent_ids for r in other] != [r.parent_ids for r in plan]


def test_the_plan_is_the_same_on_every_machine():
    """A golden plan: what decided it may not drift with a release of Python or Polars."""
    asked = plan_round(card(), PROMPTS, exemplars(), WHO, 1, {"sad": 3}, 5)[0]
    assert asked.parent_ids == ("sad5.2", "sad2.1", "sad4.1")
    assert asked.request_id == "c6c835fd734ab730ea8aaf2b082ef50627d242156b20ccf41d10c0360e31ac48"


def test_a_seed_near_the_last_one_overflows_into_distinct_seeds():
    """From the last seed that servers take the next is 0: 24,000 completions of 3,000 requests share none."""
    plan = plan_round(card(seed=SEEDS - 1), PROMPTS, exemplars(), WHO, 1, {"angry": 24_000}, 0)
    assert [r.seed for r in plan[:3]] == [SEEDS - 1, 7, 15]
    seeds = {(r.seed + i) % SEEDS for r in plan for i in range(r.completions)}
    assert len(seeds) == 24_000
    assert len({r.request_id for r in plan}) == 3000


def test_an_artifact_type_without_a_pattern_is_refused():
    """Nothing is planned by guess."""
    unknown = card()
    unknown = unknown.model_copy(update={"purpose": unknown.purpose.model_copy(update={"artifact_type": "rationale"})})
    with pytest.raises(Refused, match=r"no pattern .* rationale; .* paraphrase, rare_class"):
        plan_round(unknown, PROMPTS, exemplars(), WHO, 1, {"angry": 8}, 0)


def test_too_few_exemplars_are_refused_with_numbers():
    """A label with fewer exemplars than a prompt shows is named with both counts; one that is not asked for is not."""
    frame = exemplars(2, 1)
    with pytest.raises(StageFailed, match=r"shows 3 exemplars .*angry has 2"):
        plan_round(card(shown=3), PROMPTS, frame, WHO, 1, {"angry": 8, "sad": 0}, 0)
    assert plan_round(card(shown=3), PROMPTS, frame, WHO, 1, {"angry": 0}, 0) == []

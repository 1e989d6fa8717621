"""Lives in several rounds: a small project, and writers over HTTP that repeat themselves or do not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from careful_assets.warehouse.home import Home
from careful_assets_tests.cli.endpoints import Endpoint
from careful_assets_tests.cli.projects import _THINGS, _TIMES, _WORDS, NAME, make_project
from careful_assets_tests.filtering.frames import VOCABULARY
from careful_assets_tests.life.arrange import Life

SEED, QUOTA = 11, 48  # of the small project's card
_GENERATOR = "{kind: llm, mode: completion, family: stub}"


def live_life(endpoint: Endpoint, root: Path, patch: pytest.MonkeyPatch) -> Life:
    """The small project with this endpoint as generator."""
    patch.setenv("CAREFUL_LLM_URL", endpoint.url)
    patch.setenv("CAREFUL_LLM_MODEL", "stub")
    return Life(make_project(root / "project", generator=_GENERATOR), Home(root / "home"), NAME)


def life_in_rounds(root: Path, max_rounds: int) -> Life:
    """The small project with an endpoint as generator, and this many rounds."""
    life = Life(make_project(root, generator=_GENERATOR), Home(root / ".careful"), NAME)
    life.rewrite_card("  seed: 11\n  forecast", f"  seed: {SEED}\n  max_rounds: {max_rounds}\n  forecast")
    return life


def sentence(seed: int) -> str:
    """The words of the small project's customers in an order of its own, so that no gate takes it for another's."""
    rng = random.Random(seed)
    said = [*rng.sample(_WORDS["bad"], 3), rng.choice(_THINGS), rng.choice(_TIMES)]
    words = [*said, *rng.sample(VOCABULARY.split(), 9)]
    rng.shuffle(words)
    return f"{' '.join(words)}, number {rng.randrange(10**5)}."


def fresh(seed: int) -> tuple[str, str]:
    """Another sentence each time; of rounds 1 and 2 half are cut off, which a gate refuses."""
    return sentence(seed), "length" if seed < SEED + QUOTA + QUOTA // 2 and seed % 2 == 0 else "stop"


def repeating(seed: int) -> tuple[str, str]:
    """One of six sentences, a number in it apart."""
    return f"{sentence(seed % 6)} Told {seed} times.", "stop"


def rounds_of(life: Life) -> list[tuple[int, int, int]]:
    """Round, rows asked for and rows kept."""
    return life.table("provenance.rounds").sort("round").select("round", "asked", "kept").rows()

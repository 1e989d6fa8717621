"""A dataset with its anchors sealed and its candidates known, and files of known origin to hold against it."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from careful_assets.generation.candidates import CANDIDATES, load_candidates, requests_frame
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Answer, Choice, GeneratorIdentity, Request
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.tables import append, read
from careful_assets_tests.cli.projects import NAME, as_csv, card_text
from careful_assets_tests.life.arrange import Life

LABELS = ("bad", "fair", "good")
_TOPIC = (
    "the",
    "battery",
    "screen",
    "charger",
    "camera",
    "button",
    "cable",
    "was",
    "is",
    "on",
    "and",
    "never",
    "after",
)
_SYLLABLES = ("ba", "ke", "li", "mo", "nu", "pra", "sto", "tri", "vel", "wan", "zor", "chi", "dee", "fla", "gri", "hop")


def sentences(n: int, seed: int) -> list[str]:
    """Distinct texts of 12 to 20 words: half of them everyday words of one topic, half made up. No two are alike."""
    rng = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < n:
        words = [
            rng.choice(_TOPIC) if place % 2 else "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4)))
            for place in range(rng.randint(12, 20))
        ]
        made[f"{' '.join(words).capitalize()}."] = None
    return list(made)


def edited(text: str, rng: random.Random) -> str:
    """The text with one or two letters changed: at least 0.75 of its 5-grams stay, as it has over 60 characters."""
    letters = list(text)
    for _ in range(rng.randint(1, 2)):
        letters[rng.randrange(len(letters))] = rng.choice("xyz")
    return "".join(letters)


def recased(text: str, rng: random.Random) -> str:
    """The same words, written otherwise."""
    return rng.choice([text.upper(), text.lower(), f"  {text.replace(' ', '  ')} ", text.title()])


def with_anchors(root: Path, anchors: int, candidates: int) -> Life:
    """A small life as far as anchors, with so many candidates put into its warehouse as if they had been generated."""
    folder = root / "project" / "cards" / NAME
    (folder / "prompts").mkdir(parents=True)
    rows = [
        {"id": str(number), "review": str(number // 3), "text": text, "label": LABELS[number % 3]}
        for number, text in enumerate(sentences(anchors, 1))
    ]
    data = as_csv(rows)
    (folder / "anchors.csv").write_bytes(data)
    (folder / "prompts" / "plain.jinja").write_text(
        "{{ label }}:\n{% for text in exemplars %}- {{ text }}\n{% endfor %}-", encoding="utf-8"
    )
    card = card_text(hashlib.sha256(data).hexdigest(), rows=sum(row["label"] == "bad" for row in rows))
    (folder / "card.yaml").write_text(card, encoding="utf-8")
    life = Life(root / "project", Home(root / "home"), NAME)
    report = life.run("anchors")
    assert report.success, report.problems
    texts = sentences(candidates, 2)
    generated(life, [texts[start : start + 50] for start in range(0, candidates, 50)])
    return life


def generated(life: Life, answers: Sequence[Sequence[str]]) -> None:
    """Put answers into the warehouse, one request each."""
    requests, state = [], JournalState()
    for seed, texts in enumerate(answers):
        request = Request.make(
            round=1, stratum="bad", prompt_id="plain", prompt_sha256="0" * 64, rendered_prompt="a prompt",
            generator=GeneratorIdentity("m", "ngram", "d"), mode="completion", params={"max_tokens": 48}, seed=seed,
            completions=len(texts), parent_ids=["0" * 64],
        )  # fmt: skip
        requests.append(request)
        state.requests[request.request_id] = request
        choices = tuple(Choice(text, "stop") for text in texts)
        state.answers[request.request_id] = Answer(request.request_id, choices, None, 0.1)
        state.asked_at[request.request_id] = state.answered_at[request.request_id] = datetime.now(UTC)
    with connect(life.home.warehouse(life.dataset)) as con:
        append(con, "generation.requests", requests_frame(requests, state, Prices({}, "EUR", free=True)))
        loaded = load_candidates(requests, state, "rare_class", b"")
        append(con, "generation.candidates", loaded.candidates.select(list(CANDIDATES)))


def sealed_texts(life: Life) -> list[str]:
    """What no grant would show: the texts in the vault."""
    with connect(life.home.vault(life.dataset), read_only=True) as con:
        return sorted(read(con, "sealed.rows")["text"].to_list())


def mixed_file(life: Life, path: Path, n: int, anchors: int, candidates: int, seed: int) -> list[str]:
    """Write JSONL of `n` lines: anchors, sealed ones too, and candidates as they are, re-cased and edited, and
    strangers, which share the topic's words; returns each line's true origin.
    """
    rng = random.Random(seed)
    real = sorted(set(life.table("anchors.rows")["text"].to_list()))
    known = [("real", text) for text in real] + [("leak", text) for text in sealed_texts(life)]
    drawn = rng.sample(known, anchors)
    made = life.table("generation.candidates").sort("row_id")["text"].to_list()
    drawn += [("synthetic", text) for text in rng.choices(made, k=candidates)]
    ways = (lambda text, _: text, recased, edited)
    rows = [(origin, ways[place % 3](text, rng)) for place, (origin, text) in enumerate(drawn)]
    rows += [("unknown", text) for text in sentences(n - len(rows), 3 + seed)]
    rng.shuffle(rows)
    write_jsonl(path, ({"text": text, "label": LABELS[place % 3]} for place, (_, text) in enumerate(rows)))
    return [origin for origin, _ in rows]


def write_jsonl(path: Path, rows: Iterator[dict[str, object]] | Sequence[dict[str, object]]) -> Path:
    with path.open("w", encoding="utf-8") as out:
        out.writelines(f"{json.dumps(row)}\n" for row in rows)
    return path


def origins(life: Life) -> pl.DataFrame:
    """`provenance.inherited`, by file and line."""
    return life.table("provenance.inherited").sort("file_digest", "line")


def copied(life: Life, to: Path) -> Life:
    """A copy of such a life, to work on."""
    for folder in ("quarantine", "journal", "releases"):
        (life.home.root / folder).mkdir(exist_ok=True)
    return life.copy(to)

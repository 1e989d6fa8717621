from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.card.reader import LoadedCard, read_card
from careful_assets.catalogue import CHECKS, requirements_of
from careful_assets.provenance.metadata import markdown_table, metadata_value
from careful_assets.provenance.stages import STAGES
from careful_assets.provenance.verdicts import LETTERS
from careful_assets.purpose.answers import answers_of
from careful_assets.purpose.bias import bias_frame
from careful_assets.purpose.gaps import gaps_frame
from careful_assets.purpose.limits import limits_frame
from careful_assets.purpose.page import shown
from careful_assets.purpose.ruler import ruler_frame
from careful_assets.purpose.stage import simulated_frame
from careful_assets_tests.card.cards import swapped, write_card

IN_PLACE = 1000  # characters of Markdown that Dagster's UI shows without a link
_SHARES = pl.DataFrame(
    [("age", "young", 3, 4), ("age", "<b>old|", 1, 4)], ["attribute", "value", "n", "total"], orient="row"
)
_LABELS = pl.DataFrame([("age", "young", "rare", 2, 3)], ["attribute", "value", "label", "n", "total"], orient="row")


def page(loaded: LoadedCard, still_open: dict[str, dict[str, int]], *, biased: bool = True) -> dict[str, Any]:
    """The page of a card over planted counts."""
    card = loaded.card
    vault = pl.DataFrame([("rare", 20, 9, 60)], ["label", "n", "groups", "sum_of_squares"], orient="row")
    counts = pl.DataFrame([("exemplar", "rare", 3)], ["split", "label", "n"], orient="row")
    bias = bias_frame(_SHARES, _LABELS) if biased else bias_frame(_SHARES.clear(), _LABELS.clear())
    tables = {
        "purpose.answers": pl.DataFrame(answers_of(card, loaded.profile, ["ask"])),
        "purpose.gaps": gaps_frame(card, {"rare": 20}),
        "purpose.ruler": ruler_frame(card, vault),
        "purpose.limits": limits_frame(card),
        "purpose.bias": bias,
        "purpose.simulated": simulated_frame(card, counts),
    }
    return shown(loaded, tables, still_open)


def all_open(loaded: LoadedCard) -> dict[str, dict[str, int]]:
    """Every check that the profile demands of a later stage, by its letters."""
    letters = {(stage, check.name): check.letters for stage, checks in CHECKS.items() for check in checks}
    found: dict[str, dict[str, int]] = {letter: {} for letter in LETTERS}
    for stage in STAGES[2:]:
        for check in requirements_of(loaded).checks[stage]:
            for letter in letters[stage, check.name]:
                found[letter][stage] = found[letter].get(stage, 0) + 1
    return found


def test_careful_stands_in_place_letter_by_letter(tmp_path: Path) -> None:
    """Seven rows, each with a link to the evidence and what is open, short enough to be shown in place."""
    loaded = read_card(write_card(tmp_path, swapped(("name: tickets", f"name: {'t' * 30}")), name="t" * 30))
    careful = page(loaded, all_open(loaded))["CAREFUL"]
    assert [row["letter"][0] for row in careful] == list("CAREFUL")
    assert careful[1]["answered by"] == f"[anchors](/assets/{'t' * 30}/anchors)"
    assert len(markdown_table(careful)) < IN_PLACE
    assert careful[0]["open"] != ""


def test_what_is_open_is_named(tmp_path: Path) -> None:
    """Stages and number of checks where some are, nothing where none is; reading by people stays open."""
    loaded = read_card(write_card(tmp_path))
    nothing: dict[str, dict[str, int]] = {letter: {} for letter in LETTERS}
    rows = {row["letter"][0]: row["open"] for row in page(loaded, nothing)["CAREFUL"]}
    assert rows == dict.fromkeys("CAREUL", "nothing") | {"F": "reading by people"}
    some = nothing | {"E": {"evaluation": 2, "training": 1}, "F": {"filtering": 2}}
    rows = {row["letter"][0]: row["open"] for row in page(loaded, some)["CAREFUL"]}
    assert rows["E"] == "evaluation, training: 3 checks"
    assert rows["F"] == "filtering: 2 checks; reading by people"


def test_the_figures_stand_in_words(tmp_path: Path) -> None:
    """Collecting beside generating, the ruler's sentence, the table's demands and the card's own figures."""
    entries = page(read_card(write_card(tmp_path)), {letter: {} for letter in LETTERS})
    assert entries["collecting or generating"] == [
        {
            "label": "rare",
            "rows": 40,
            "collecting takes": "400.0 days, 80.00 EUR",
            "generating is to take": "20 seconds, 0.10 EUR, 10 requests",
        }
    ]
    assert "16 effective rows: no change up to 0.3 reaches a power of 0.8" in entries["what the ruler can show"][0]
    assert entries["what the damage demands"] == [
        "moderate damage, the highest of the gaps",
        "review: people read 60 kept rows, drawn at random; open, for nothing counts yet what people read",
        "generated rows in a class: at most 50%, checked by judges; the card takes 50%",
        "leaks: at most 5%; the card takes 5%",
    ]
    assert entries["draws from"] == [{"split": "exemplar", "label": "rare", "rows": 3}]


def test_bias_is_shown_with_its_intervals_and_its_limits(tmp_path: Path) -> None:
    """Shares and rates with 95% intervals, values escaped, and the word that sealed rows are not in it."""
    entries = page(read_card(write_card(tmp_path)), {letter: {} for letter in LETTERS})
    assert entries["bias: shares"][1] == {
        "value": "age: young", "rate": 0.75, "95%": "0.301 to 0.954", "rows": "3 of 4",
    }  # fmt: skip
    assert entries["bias: labels"][0]["label"] == "rare"
    assert "<b>" not in str(metadata_value(entries["bias: shares"]).value)
    assert entries["bias: which rows"] == "open anchors only: what sealed rows state stays sealed"


def test_a_card_without_attributes_says_so(tmp_path: Path) -> None:
    """No columns named is an answer, too; columns that no row fills are another."""
    nothing: dict[str, dict[str, int]] = {letter: {} for letter in LETTERS}
    bare = read_card(write_card(tmp_path / "bare"))
    assert page(bare, nothing, biased=False)["bias"] == (
        "no columns named: the card names none in anchors.source.columns.attributes"
    )
    text = swapped(("columns: {text: body, label: intent}", "columns: {text: body, label: intent, attributes: [age]}"))
    named = read_card(write_card(tmp_path / "named", text))
    assert page(named, nothing, biased=False)["bias"] == "no open row states any of age"


def test_every_letter_has_its_answer(tmp_path: Path) -> None:
    """Seven answers, each with evidence, dates of validity among them."""
    loaded = read_card(write_card(tmp_path))
    answers = {row["letter"]: row for row in answers_of(loaded.card, loaded.profile, ["ask"])}
    assert list(answers) == list("CAREFUL")
    assert all(row["answer"].strip() and row["evidence"].strip() and row["question"] for row in answers.values())
    assert "verifier until 2027-11-22" in answers["L"]["answer"]

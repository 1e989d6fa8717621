from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import careful_assets
from careful_assets.card.models import Card
from careful_assets.card.reader import read_card
from careful_assets.card.templates import template_faults
from careful_assets.errors import Exit, Fault, MalformedInput
from careful_assets_tests.card.cards import CARD, PROMPT, line_of, swapped, write_card
from careful_assets_tests.card.templates import HOSTILE, TOO_DEEP

DEMO = Path(careful_assets.__file__).parent / "defs" / "product_complaints"


def faults_of(path: Path) -> list[Fault]:
    with pytest.raises(MalformedInput) as caught:
        read_card(path)
    assert caught.value.exit_code == Exit.MALFORMED
    return caught.value.faults


def only_fault(path: Path) -> Fault:
    faults = faults_of(path)
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]


def test_a_valid_card_is_read_with_its_profile_and_prompts(tmp_path: Path) -> None:
    """A card that holds comes with its prompts and with the profile as its overrides leave it."""
    loaded = read_card(write_card(tmp_path))
    assert loaded.card.purpose.gap[0].target_count == 60
    assert loaded.folder == tmp_path / "tickets"
    assert [(prompt.prompt_id, prompt.text) for prompt in loaded.prompts] == [("ask", PROMPT)]
    thresholds = {gate.gate: (gate.threshold, gate.override_reason) for gate in loaded.profile.gates}
    assert thresholds["minimum_length"] == (2, "Terse tickets are real.")
    assert thresholds["near_duplicate"] == (0.7, None)


def test_the_demo_card_holds(tmp_path: Path) -> None:
    """The shipped card is valid, ends its prompt with a dash, and says why each forbidden use is forbidden."""
    loaded = read_card(DEMO / "card.yaml")
    gap = loaded.card.purpose.gap[0]
    assert (gap.label, gap.current_count, gap.target_count) == ("very_negative", 259, 559)
    assert loaded.card.generation.parameters.stop == ["\n"]
    assert "evaluation" in {entry.use for entry in loaded.card.use_limits.forbidden}
    assert loaded.prompts[0].text.endswith("\n-\n")


def test_ten_faults_of_ten_kinds_are_reported_at_once(tmp_path: Path) -> None:
    """Every mistake in one card gives one fault at its line, wrong fields and broken rules in the same go."""
    text = swapped(
        ("name: tickets", "name: tockets"),
        ("target_count: 60", "target_count: ten"),
        ("nature: simulation", "nature: fabrication"),
        ("  licence: CC0\n", ""),
        ("vault: 30", "vault: 31"),
        ("exemplars_per_prompt: 4", "exemplars_per_promt: 4"),
        ("prompts/ask.jinja", "prompts/lost.jinja"),
        ("gate: minimum_length", "gate: no_such_gate"),
        ("labels: [rare], min_tokens", "labels: [rear], min_tokens"),
        ("review_by: 2027-05-22", "review_by: 2028-05-22"),
    )
    expected = [
        ("name: tockets", "name", "folder"),
        ("target_count: ten", "purpose.gap[0].target_count", "must be a whole number, is 'ten'"),
        ("nature: fabrication", "purpose.nature", "fabrication is refused for training"),
        ("anchors:", "anchors.licence", "is missing"),
        ("  split:\n", "anchors.split", "add up to 101"),
        ("prompts: [", "generation.prompts[0]", "there is no file 'prompts/lost.jinja'"),
        ("exemplars_per_promt", "generation.exemplars_per_promt", "did you mean exemplars_per_prompt?"),
        ("gate: no_such_gate", "filtering.overrides[0].gate", "no gate of rare_class.training"),
        ("{name: terse", "evaluation.slices[0].labels[0]", "'rear' is none of anchors.labels"),
        ("review_by: 2028", "lifecycle.review_by", "lies after retire_by"),
    ]
    path = write_card(tmp_path, text)
    found = faults_of(path)
    assert [(fault.line, fault.key) for fault in found] == [
        (line_of(piece, text), key) for piece, key, _ in expected
    ], "\n".join(map(str, found))
    for fault, (_, _, words) in zip(found, expected, strict=True):
        assert words in fault.message
        assert fault.file == str(path)


RULES = [
    (("target_count: 60", "target_count: 20"), "purpose.gap[0].target_count", "is not above current_count"),
    (("label: rare\n", "label: other\n"), "purpose.gap[0].label", "none of anchors.labels"),
    (
        ("  simulates: {split: exemplar, labels: [rare], words: The rare tickets.}\n", ""),
        "purpose.nature",
        "needs `simulates`",
    ),
    (("labels: [rare, common]", "labels: [rare, common, rare]"), "anchors.labels[2]", "second time"),
    (("allowed: [training]", "allowed: [demo]"), "use_limits.allowed", "does not name purpose.use"),
    (("allowed: [training]", "allowed: [training, evaluation]"), "use_limits.forbidden[0].use", "at once"),
    (("[tfidf_logreg, nearest_anchors]", "[one, one]"), "labeling.judges[1]", "second time"),
    (("confirmations: 1", "confirmations: 3"), "labeling.confirmations", "as many judges"),
    (("min_tokens: 1,", "min_tokens: 9,"), "evaluation.slices[0].max_tokens", "below min_tokens"),
    (("[prompts/ask.jinja]", "[prompts/ask.jinja, prompts/ask.jinja]"), "generation.prompts[1]", "second time"),
    (("artifact_type: rare_class", "artifact_type: rationale"), "purpose.artifact_type", "no gate profile"),
    (("gate: minimum_length", "gate: truncation"), "filtering.overrides[0].gate", "with a threshold"),
]
FIELDS = [
    (("seed: 1\nfiltering", "seed: 1.5\nfiltering"), "generation.seed", "must be a whole number, is 1.5"),
    (("seed: 1\nfiltering", "seed: true\nfiltering"), "generation.seed", "must be a whole number, is true"),
    (("target_count: 60", f"target_count: 0x{'f' * 6000}"), "purpose.gap[0].target_count", "at most 1000000000"),
    (("target_count: 60", f"target_count: {'9' * 6000}"), "purpose.gap[0].target_count", "cannot be read as"),
    (("max_leak_share: 0.05", "max_leak_share: .nan"), "evaluation.max_leak_share", "is nan"),
    (("threshold: 2", "threshold: .inf"), "filtering.overrides[0].threshold", "must be a finite number"),
    (("threshold: 2", "threshold: no"), "filtering.overrides[0].threshold", "must be a number, is 'no'"),
    (("temperature: 0.9", "temperature: 9"), "generation.parameters.temperature", "at most 5, is 9"),
    (("currency: EUR", "currency: euro"), "purpose.currency", "three capital letters, such as EUR, is 'euro'"),
    (("damage: moderate", "damage: some"), "purpose.gap[0].damage", "one of minor, moderate, serious, severe"),
    (("      damage: moderate\n", ""), "purpose.gap[0].damage", "is missing"),
    (("rows_per_day: 0.1", "rows_per_day: 0"), "purpose.gap[0].collecting.rows_per_day", "at least 0.001, is 0"),
    (("cost_per_row: 2}", "cost_per_row: -2}"), "purpose.gap[0].collecting.cost_per_row", "at least 0, is -2"),
    (("kept_share: 0.5", "kept_share: 1.5"), "generation.forecast.kept_share", "at most 1, is 1.5"),
    (("seconds_per_request: 2", "seconds_per_request: 1e300"), "generation.forecast.seconds_per_request", "at most"),
    (("{split: exemplar,", "{split: vault,"), "purpose.simulates.split", "one of exemplar, train, holdout, is 'vault'"),
    (("labels: [rare], words", "labels: [], words"), "purpose.simulates.labels", "at least 1 "),
    (("visible_change: 0.2", "visible_change: 0"), "evaluation.ruler.visible_change", "at least 0.001, is 0"),
    (("{owner: 2027-11-22,", "{owner: soon,"), "lifecycle.valid_until.owner", "must be a date"),
    (("22, verifier: 2027-11-22, anchors", "22, anchors"), "lifecycle.valid_until.verifier", "is missing"),
    (("title: Tickets", "title: 7"), "title", "must be text"),
    (("title: Tickets", "title:"), "title", "is empty"),
    (("title: Tickets", 'title: "a\\0b"'), "title", "control character"),
    (("title: Tickets", 'title: "a\\uD800b"'), "title", "surrogate"),
    (("ada@example.org", "ada@example"), "owner.email", "must be an e-mail address"),
    (("review_by: 2027-05-22", 'review_by: "2027-05-22"'), "lifecycle.review_by", "must be a date"),
    (("review_by: 2027-05-22", "review_by: 2027-05-22 10:00:00"), "lifecycle.review_by", "must be a date"),
    (("review_by: 2027-05-22", "review_by: 2027-13-22"), "lifecycle.review_by", "cannot be read as"),
    (("kind: judges", "kind: oracle"), "purpose.verifier.kind", "one of people, judges, program, grounding, none"),
    (("kind: csv", "kind: xml"), "anchors.source.kind", "must be one of vader_reviews, csv"),
    (("    kind: csv\n", ""), "anchors.source.kind", "is missing"),
    (("path: ../tickets.csv", "pfad: x\n    path: ../tickets.csv"), "anchors.source.pfad", "known here: columns"),
    (("labels: [rare, common]", "labels: rare"), "anchors.labels", "must be a list, is 'rare'"),
    (("allowed: [training]", "allowed: []"), "use_limits.allowed", "at least 1 "),
    (("training: {max_synthetic_share: 0.5, seed: 1}", "training:"), "training", "must be keys with values"),
    (("title: Tickets", "title: Tickets\ntitle: Again"), "title", "a second time (first on line 2)"),
    (("title: Tickets", "title: !!python/name:os.system Tickets"), "title", "tag"),
    (("title: Tickets\ndescription: Support tickets.", "title: &a Tickets\ndescription: *a"), "description", "alias"),
    (("prompts/ask.jinja", "../ask.jinja"), "generation.prompts[0]", "leads out of the card's folder"),
    (("prompts/ask.jinja", "/etc/hostname"), "generation.prompts[0]", "leads out of the card's folder"),
    (("prompts/ask.jinja", "p" * 5000), "generation.prompts[0]", "cannot be looked up"),
    (("prompts/ask.jinja", "prompts"), "generation.prompts[0]", "there is no file"),
    (("prompts/ask.jinja", "prompts/a\u200bsk.jinja"), "generation.prompts[0]", "cannot be seen"),
    (("prompts/ask.jinja", "prompts/a\xa0sk.jinja"), "generation.prompts[0]", "cannot be seen"),
    (("prompts/ask.jinja", '"prompts/a\\u202Esk.jinja"'), "generation.prompts[0]", "a\\u202esk"),
    (("prompts/ask.jinja", '"prompts/a\\tsk.jinja"'), "generation.prompts[0]", "control character"),
]


# Where a key that is missing is told.
_MISSING_FROM = {
    "anchors.source.kind": "  source:",
    "purpose.nature": "nature:",
    "purpose.gap[0].damage": "    - label: rare",
}


@pytest.mark.parametrize(("change", "key", "words"), [*RULES, *FIELDS], ids=lambda value: str(value)[:40])
def test_one_mistake_is_one_fault(tmp_path: Path, change: tuple[str, str], key: str, words: str) -> None:
    """A single mistake gives a single fault, at its key and line, in words that say what is wrong."""
    text = swapped(change)
    fault = only_fault(write_card(tmp_path, text))
    assert fault.key == key
    assert words in fault.message
    assert fault.line is not None
    # Missing keys are told at the part they are missing from, all others on a line of the change.
    near = change[1] or _MISSING_FROM[key]
    start = line_of(near, text)
    if key not in ("use_limits.forbidden[0].use", "purpose.gap[0].label"):
        assert start <= fault.line <= start + near.count("\n")
    assert "Input should" not in fault.message


def test_rules_speak_although_their_own_part_is_faulty(tmp_path: Path) -> None:
    """A wrong field hides no broken rule about its neighbours."""
    text = swapped(("cost_per_row: Nothing", "cost_per_row: 5"), ("label: rare\n", "label: other\n"))
    assert {fault.key for fault in faults_of(write_card(tmp_path, text))} == {
        "purpose.verifier.cost_per_row",
        "purpose.gap[0].label",
    }


def test_rules_hold_for_cards_made_in_code(tmp_path: Path) -> None:
    """A card that never was a file is held to the same rules."""
    values = read_card(write_card(tmp_path)).card.model_dump()
    values["anchors"]["split"]["vault"] = 31
    with pytest.raises(ValueError, match="add up to 101"):
        Card.model_validate(values)


WHOLE_FILE = [
    (b"", None, "is empty"),
    (b"  \n\t\n", None, "is empty"),
    (b"# nothing\n", None, "nothing but comments"),
    (b"name: tickets\ntitle: caf\xe9\n", 2, "not UTF-8"),
    ("name: tickets\n".encode("utf-16"), 1, "NUL"),
    (b"a: 1\nb: \x00\n", 2, "NUL"),
    (b"a: 1\nb: \x07\n", 2, "control character"),
    (b"- name: tickets\n", 1, "must be keys with values"),
    (b"just words\n", 1, "must be keys with values"),
    (b"a: [1\nb: 2\n", 2, "not valid YAML"),
    (b"a: 1\n--- \nb: 2\n", 2, "second document"),
    (b"a: " + b"[" * 100_000, 1, "levels deep"),
    (b"? [a]\n: 1\n", 1, "plain text"),
    (b"name: tickets # " + b"x" * 2_000_000, None, "is larger than"),
]


@pytest.mark.parametrize(("content", "line", "words"), WHOLE_FILE, ids=[words for _, _, words in WHOLE_FILE])
def test_a_file_that_is_no_card_gives_one_clear_fault(
    tmp_path: Path, content: bytes, line: int | None, words: str
) -> None:
    """A file of the wrong kind is one fault that names the file, not a hundred about missing keys."""
    path = write_card(tmp_path, content)
    fault = only_fault(path)
    assert (fault.file, fault.line) == (str(path), line)
    assert words in fault.message


def test_missing_files_and_folders_are_clear_faults(tmp_path: Path) -> None:
    """A path that is no file says so."""
    assert "No such file" in only_fault(tmp_path / "card.yaml").message
    assert "directory" in only_fault(tmp_path).message


def test_nested_aliases_do_not_expand(tmp_path: Path) -> None:
    """A billion laughs are refused at the first alias, with no memory spent on them."""
    laughs = "a0: &a0 [lol]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    faults = faults_of(write_card(tmp_path, CARD + laughs))
    assert any("alias *a0 is refused" in fault.message for fault in faults)


@pytest.mark.parametrize(
    ("prompt", "line", "words"),
    [
        ("one\n{{ lable }}\n", 2, "unknown variable 'lable'; a prompt may use label and exemplars"),
        ("one\n\n{% for x in exemplars %}\n", 3, "not a valid Jinja template"),
        ("one\n{{ seed }}\n", 2, "unknown variable 'seed'; a prompt may use label and exemplars"),
        ("{{ label | no_such_filter }}", 1, "filter 'no_such_filter': a prompt may use capitalize, first"),
        ("one\n{% include '/etc/passwd' %}", 2, "may not include"),
        ("one\n{{ label.upper() }}", 2, "use a filter: label | upper"),
        ("one\n\n{{ 'a' * 10**10 }}", 3, "calculates nothing"),
        ("{% for e in exemplars %}\n{{ e.__class__ }}{% endfor %}", 2, "attribute '__class__'"),
        ("{% for e in exemplars %}{{ e }}{% endfor %}\n{{ e }}", None, "unknown variable 'e'"),
        ("a" * 200_001, None, "has 200,001 characters; a prompt has at most 200,000"),
        ("{{" + "(" * 5000, None, "Jinja"),
        ("", None, "is empty"),
        (b"caf\xe9", 1, "not UTF-8"),
    ],
)
def test_a_faulty_prompt_is_reported_in_its_own_file(
    tmp_path: Path, prompt: str | bytes, line: int | None, words: str
) -> None:
    """A prompt's faults name the prompt's file and line, beside the card's own."""
    path = write_card(tmp_path, swapped(("seed: 1\nfiltering", "seed: x\nfiltering")), prompt)
    own, fault = faults_of(path)
    assert (own.file, own.key) == (str(path), "generation.seed")
    assert fault.file == str(path.parent / "prompts" / "ask.jinja")
    assert line is None or fault.line == line
    assert words in fault.message


@pytest.mark.parametrize("template", [*HOSTILE, *TOO_DEEP])
def test_hostile_prompts_are_refused_at_reading(template: str) -> None:
    """What reaches for Python's internals, or for endless time or memory, is refused before anything is rendered."""
    faults = template_faults(template, ("label", "exemplars"))
    assert faults
    assert any("nested too deeply" in words for _, words in faults) == (template in TOO_DEEP)


def test_all_faults_of_a_prompt_are_told_at_once(tmp_path: Path) -> None:
    """Breaches of the language and unknown variables come together, in the order of their lines."""
    prompt = "{{ lable }}\n{{ label.x }}\n{{ 'a' * 2 }}\n{{ self }}\n"
    faults = faults_of(write_card(tmp_path, prompt=prompt))
    assert [fault.line for fault in faults] == [1, 2, 3, 4]


def test_a_paraphrase_prompt_shows_its_seed(tmp_path: Path) -> None:
    """A card of paraphrases is read with a prompt that uses `seed`; one that never does is refused by name."""
    text = swapped(("artifact_type: rare_class", "artifact_type: paraphrase"))
    loaded = read_card(write_card(tmp_path, text, "{{ label }}: {{ seed }}\n"))
    assert loaded.profile.cell == "paraphrase.training"
    for prompt in (PROMPT, "{% set seed = label %}{{ seed }}"):
        fault = only_fault(write_card(tmp_path, text, prompt))
        assert (fault.file, "never uses 'seed'" in fault.message) == (
            str(tmp_path / "tickets" / "prompts" / "ask.jinja"),
            True,
        )
    unknown = only_fault(write_card(tmp_path, text, "{{ seed }}\n{{ source }}\n"))
    assert (unknown.line, unknown.message.split(";")[0]) == (2, "unknown variable 'source'")


def test_prompts_of_one_id_are_refused(tmp_path: Path) -> None:
    """Two prompts whose records could not be told apart are refused."""
    path = write_card(tmp_path, swapped(("[prompts/ask.jinja]", "[prompts/ask.jinja, other/ask.jinja]")))
    (path.parent / "other").mkdir()
    (path.parent / "other" / "ask.jinja").write_text(PROMPT)
    assert "share the prompt id 'ask'" in only_fault(path).message


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    """A prompt that only a link puts into the folder would not travel with the card."""
    path = write_card(tmp_path)
    (tmp_path / "outside.jinja").write_text(PROMPT)
    inside = path.parent / "prompts" / "ask.jinja"
    inside.unlink()
    inside.symlink_to(tmp_path / "outside.jinja")
    assert "leads out of the card's folder" in only_fault(path).message


def test_the_digest_is_of_meaning_not_of_writing(tmp_path: Path) -> None:
    """Comments, quotes, key order, line ends, defaults written out and the place on disk leave the digest alone."""
    first = read_card(write_card(tmp_path / "a")).digest
    rewritten = swapped(
        ("title: Tickets\ndescription: Support tickets.", "description: 'Support tickets.'\n\ntitle: Tickets # a"),
        ("threshold: 2", "threshold: 2.0"),
        ("  seed: 1\nfiltering", "  seed: 1\n  max_rounds: 1\nfiltering"),
    )
    windows = b"\xef\xbb\xbf" + rewritten.replace("\n", "\r\n").encode()
    assert read_card(write_card(tmp_path / "b", rewritten)).digest == first
    assert read_card(write_card(tmp_path / "c", windows)).digest == first


def test_the_digest_follows_the_card_and_its_prompts(tmp_path: Path) -> None:
    """Another value, or another prompt, is another digest."""
    digests = {
        read_card(write_card(tmp_path / "a")).digest,
        read_card(write_card(tmp_path / "b", swapped(("target_count: 60", "target_count: 61")))).digest,
        read_card(write_card(tmp_path / "c", prompt=PROMPT + "!")).digest,
    }
    assert len(digests) == 3


def test_braces_are_not_rendered(tmp_path: Path) -> None:
    """A card is data: what looks like a template in it stays as it stands."""
    loaded = read_card(write_card(tmp_path, swapped(("title: Tickets", 'title: "{{ env.HOME }}"'))))
    assert loaded.card.title == "{{ env.HOME }}"


def test_a_relative_path_is_read_like_an_absolute_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder's name is known even when the path does not say it."""
    path = write_card(tmp_path)
    monkeypatch.chdir(path.parent)
    assert read_card(Path("card.yaml")).path == path


def test_the_demo_card_can_be_copied(tmp_path: Path) -> None:
    """Card and prompts travel together: a copied folder under its own name holds."""
    shutil.copytree(DEMO, tmp_path / "product_complaints")
    assert read_card(tmp_path / "product_complaints" / "card.yaml").digest == read_card(DEMO / "card.yaml").digest

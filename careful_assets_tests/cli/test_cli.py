"""The installed `careful` as a person meets it: exit codes, messages, and what stays after something went wrong."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from careful_assets.provenance.stages import STAGES
from careful_assets_tests.cli.endpoints import closed_port, serving
from careful_assets_tests.cli.projects import CAREFUL, NAME, careful, make_project
from careful_assets_tests.life.arrange import Life

HOLDS, DOES_NOT_HOLD, REFUSED, MALFORMED, USAGE = 0, 1, 2, 3, 64
LLM = "{kind: llm, mode: completion, family: stub}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one good dataset; nothing in it is ever run."""
    return make_project(tmp_path_factory.mktemp("project"))


@dataclass(frozen=True)
class Undisturbed:
    """A run to generation that nothing disturbed: what it printed, and the data versions it made, by stage."""

    root: Path
    printed: subprocess.CompletedProcess[str]
    versions: dict[str, str]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    root = make_project(tmp_path_factory.mktemp("undisturbed"))
    printed = careful("run", NAME, "--to", "generation", "--json", cwd=root)
    assert printed.returncode == HOLDS, printed.stderr
    return Undisturbed(root, printed, versions(root))


def versions(root: Path, **environment: str) -> dict[str, str]:
    """What `careful status` says of the data, by stage."""
    done = careful("status", NAME, "--json", cwd=root, **environment)
    (state,) = json.loads(done.stdout)
    return {stage["stage"]: stage["data_version"] for stage in state["stages"] if stage["data_version"]}


def answers_of(root: Path) -> list[dict[str, Any]]:
    """The journal's lines that hold an answer."""
    lines = (root / ".careful" / "journal" / f"{NAME}.ndjson").read_text(encoding="utf-8").splitlines()
    return [record for record in map(json.loads, lines) if "choices" in json.dumps(record)]


def test_good_cards_hold(project: Path) -> None:
    """A project whose cards hold is told so, with exit code 0."""
    done = careful("check", cwd=project)
    assert done.returncode == HOLDS
    assert f"{NAME}: holds" in done.stdout
    assert "2 of 2 cards hold" in done.stdout


def test_every_fault_of_a_card_is_told_at_once(tmp_path: Path) -> None:
    """A faulty card gives exit code 3 and each fault with file and line; other cards are still checked."""
    root = make_project(tmp_path)
    card = root / "cards" / NAME / "card.yaml"
    lines = card.read_text(encoding="utf-8").splitlines()
    wrong = {"nature: simulation": "nature: dream", "seed: 11": "seed: eleven", "vault: 25": "vault: 26"}
    places = []
    for old, new in wrong.items():
        number = next(index for index, line in enumerate(lines) if old in line)
        lines[number] = lines[number].replace(old, new)
        places.append(number + 1)
    card.write_text("\n".join(lines), encoding="utf-8")
    done = careful("check", cwd=root)
    assert done.returncode == MALFORMED
    assert "product_complaints: holds" in done.stdout
    assert "1 of 2 cards hold" in done.stdout
    for place in places:
        assert any(f"card.yaml:{line}:" in done.stdout for line in (place, place - 1)), (place, done.stdout)
    listed = json.loads(careful("check", "--json", cwd=root).stdout)
    faults = {report["name"]: report["faults"] for report in listed}
    assert len(faults[NAME]) == len(wrong)
    assert faults["product_complaints"] == []
    assert all(fault["line"] and fault["message"] and fault["file"].endswith("card.yaml") for fault in faults[NAME])
    for command in (["run", NAME], ["status"], ["check", NAME]):
        assert careful(*command, cwd=root).returncode == MALFORMED
    assert not (root / ".careful").exists()


def test_check_json_tells_what_holds(project: Path) -> None:
    """`check --json` is one document with a report a card."""
    reports = json.loads(careful("check", "--json", cwd=project).stdout)
    assert [(report["name"], report["holds"]) for report in reports] == [(NAME, True), ("product_complaints", True)]


@pytest.mark.parametrize("command", [["run", "unheard_of"], ["check", "unheard_of"], ["status", "unheard_of"]])
def test_unknown_datasets_are_told_with_the_known_ones(project: Path, command: list[str]) -> None:
    """A name without a card is a usage error that lists the names that have one."""
    done = careful(*command, cwd=project)
    assert done.returncode == USAGE
    assert "unheard_of" in done.stderr
    assert f"{NAME}, product_complaints" in done.stderr
    assert done.stdout == ""


def test_unknown_stages_are_told_with_the_known_ones(project: Path) -> None:
    """`--to` with a stage that is none names all ten."""
    done = careful("run", NAME, "--to", "publication", cwd=project)
    assert done.returncode == USAGE
    assert all(stage in done.stderr for stage in STAGES)
    assert not (project / ".careful").exists()


@pytest.mark.parametrize(
    "command", [["check", "--verbose"], ["runn", NAME], ["trace"], ["run"], ["status", "a", "b"], []], ids=" ".join
)
def test_wrong_calls_are_usage_errors(project: Path, command: list[str]) -> None:
    """Unknown options and commands, missing and surplus arguments give exit code 64 and a word on why."""
    done = careful(*command, cwd=project)
    assert done.returncode == USAGE
    assert done.stdout + done.stderr


def test_the_module_is_the_command(tmp_path: Path) -> None:
    """Called by its module, `careful` does what it is told, and gives its exit code."""
    command = [sys.executable, "-m", "careful_assets.cli", "run", "nobody", "--to", "nowhere"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert printed.returncode == 64
    assert "there is no stage 'nowhere'" in printed.stderr


def test_without_a_project_the_remedy_is_told(tmp_path: Path) -> None:
    """Outside of a project every command says what makes one."""
    for command in (["check"], ["status"], ["run", NAME], ["trace", "0" * 16]):
        done = careful(*command, cwd=tmp_path)
        assert done.returncode == USAGE
        assert "cards/<dataset>/" in done.stderr


def test_before_any_run_nothing_is_materialized(project: Path) -> None:
    """A status before the first run shows ten stages without data, writes nothing, and is no failure."""
    done = careful("status", NAME, cwd=project)
    assert done.returncode == HOLDS
    assert done.stdout.count("not materialized") == len(STAGES)
    assert versions(project) == {}
    assert not (project / ".careful").exists()


def test_a_finished_life_stands(finished_small_life: Life) -> None:
    """After a whole life every stage has data, and no gate is closed."""
    done = careful(
        "status",
        finished_small_life.dataset,
        "--json",
        cwd=finished_small_life.project,
        CAREFUL_HOME=str(finished_small_life.home.root),
    )
    assert done.returncode == HOLDS
    (state,) = json.loads(done.stdout)
    assert [stage["stage"] for stage in state["stages"]] == list(STAGES)
    assert all(stage["data_version"] and not stage["failed"] and not stage["closed"] for stage in state["stages"])


def test_a_changed_card_closes_the_gates(copied_small_life: Life) -> None:
    """Once the card changes, `status` gives exit code 1 and names what has to be made again."""
    copied_small_life.rewrite_card("max_leak_share: 0.1", "max_leak_share: 0.09")
    home = str(copied_small_life.home.root)
    done = careful("status", copied_small_life.dataset, cwd=copied_small_life.project, CAREFUL_HOME=home)
    assert done.returncode == DOES_NOT_HOLD
    assert "the card changed since anchors was made" in done.stdout


def test_a_row_is_traced_as_text_and_as_json(finished_small_life: Life) -> None:
    """Both forms of `trace` tell a generated row's prompt, generator, parents, decisions, votes and release."""
    row = finished_small_life.table("release.rows").filter(origin="generated")["row_id"][0]
    home = str(finished_small_life.home.root)
    told = careful("trace", row[:20], cwd=finished_small_life.project, CAREFUL_HOME=home).stdout
    story = json.loads(careful("trace", row, "--json", cwd=finished_small_life.project, CAREFUL_HOME=home).stdout)
    assert story["row_id"] == row
    assert [release["version"] for release in story["releases"]] == ["1.0.0"]
    assert story["parents"]
    assert len(story["votes"]) == 2
    assert {decision["gate"] for decision in story["decisions"]} >= {"format", "near_duplicate"}
    for word in (row, story["request"]["prompt_id"], story["request"]["generator_digest"][:16], "1.0.0"):
        assert word in told


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("0123456789abcdef" * 4, "no dataset has a row"),
        ("0123456", "at least 8"),
        ("", "at least 8"),
        ("ABCDEF0123", "lower case"),
        ("'; drop table --", "no row id"),
        ("../../etc/passwd", "no row id"),
    ],
)
def test_unknown_rows_are_refused(finished_small_life: Life, row: str, said: str) -> None:
    """A row id that no dataset has, or that is none, gives exit code 2 and says what to give."""
    done = careful("trace", row, cwd=finished_small_life.project, CAREFUL_HOME=str(finished_small_life.home.root))
    assert done.returncode == REFUSED
    assert said in done.stderr


def test_run_json_is_one_document(undisturbed: Undisturbed) -> None:
    """`run --json` prints one document; all progress goes to the other stream."""
    summary = json.loads(undisturbed.printed.stdout)
    assert (summary["success"], summary["dataset"], summary["candidates"]) == (True, NAME, 48)
    assert f"{NAME}/anchors: made" in undisturbed.printed.stderr


def test_a_failed_run_tells_its_problems(tmp_path: Path) -> None:
    """A run over anchors that are not the card's gives exit code 3, and the problem in its document."""
    root = make_project(tmp_path)
    (root / "cards" / NAME / "anchors.csv").write_text("id,review,text,label\n", encoding="utf-8")
    failed = careful("run", NAME, "--to", "anchors", "--json", cwd=root)
    assert failed.returncode == MALFORMED
    document = json.loads(failed.stdout)
    assert document["success"] is False
    assert "anchors.csv: sha256: is" in document["problems"][0]
    assert document["problems"][0] in failed.stderr


@pytest.mark.parametrize("below", ["file", "null device", "process folder"])
def test_an_unusable_home_is_told(tmp_path: Path, below: str) -> None:
    """A CAREFUL_HOME that cannot be a folder is named, with what to do, before anything is done."""
    root = make_project(tmp_path)
    (tmp_path / "file").write_text("taken", encoding="utf-8")
    home = {"file": str(tmp_path / "file"), "null device": "/dev/null/home", "process folder": "/proc/home"}[below]
    done = careful("run", NAME, cwd=root, CAREFUL_HOME=home)
    assert done.returncode == DOES_NOT_HOLD
    assert home in done.stderr
    assert "set CAREFUL_HOME to another folder" in done.stderr
    assert (tmp_path / "file").read_text(encoding="utf-8") == "taken"


def _impatient(path: Path) -> Path:
    """`careful` with short rests before it takes a silent endpoint to be down."""
    path.write_text(
        f"#!{sys.executable}\nfrom careful_assets.llm.dispatch import answer_all\n"
        "from careful_assets.llm.pacing import Retries\n"
        "answer_all.__kwdefaults__['retries'] = Retries(first_pause_s=0.05, first_rest_s=0.1)\n"
        "from careful_assets.cli import main\nmain()\n",
        encoding="utf-8",
    )
    path.chmod(0o700)
    return path


@pytest.mark.soak
def test_an_endpoint_that_fails_and_dies_loses_no_answer(tmp_path: Path) -> None:
    """What an endpoint answered is kept while it refuses and while it is down, and is never asked for again.

    Its key stands in no file and in nothing that is printed, whether the endpoint works or not. In the ordinary run
    `generation/test_budget.py` and `life/test_kill.py` hold that no answer is lost or asked for twice.
    """
    root, key = make_project(tmp_path, generator=LLM), "sk-planted-secret-0451"

    def run(url: str, command: Path = CAREFUL) -> subprocess.CompletedProcess[str]:
        environment = {"CAREFUL_LLM_URL": url, "CAREFUL_LLM_MODEL": "stub-1", "CAREFUL_LLM_API_KEY": key}
        done = careful("run", NAME, "--to", "generation", "--json", cwd=root, command=command, **environment)
        assert key not in done.stdout + done.stderr
        return done

    with serving(willing=5) as endpoint:
        refused = run(endpoint.url)
    assert refused.returncode == DOES_NOT_HOLD
    before = answers_of(root)
    assert len(before) == 5
    down = run(f"http://127.0.0.1:{closed_port()}", _impatient(tmp_path / "careful"))
    assert down.returncode == DOES_NOT_HOLD
    assert "does not answer" in down.stderr
    assert "Recorded answers are kept" in down.stderr
    assert "start the endpoint at CAREFUL_LLM_URL" in down.stderr
    assert answers_of(root) == before
    with serving() as endpoint:
        done = run(endpoint.url)
    assert done.returncode == HOLDS
    assert json.loads(done.stdout)["candidates"] == 48
    assert endpoint.asked == 12 - 5
    assert answers_of(root)[:5] == before
    held = [path for path in (root / ".careful").rglob("*") if path.is_file() and key.encode() in path.read_bytes()]
    assert held == []


# In a mount namespace of its own the test may make tiny disks; they vanish with it.
_OWN_MOUNTS = ("unshare", "--map-root-user", "--mount", "sh", "-eu", "-c")
_DISK = 'mkdir -p "$1"; mount -t tmpfs -o size="$2" tmpfs "$1"; shift 2; '


@pytest.fixture
def tiny_disks(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare: not on this machine")
    tried = subprocess.run(
        [*_OWN_MOUNTS, _DISK + "true", "sh", tmp_path / "try", "64k"], capture_output=True, check=False
    )
    if tried.returncode != 0:
        pytest.skip("unshare: this machine lets nobody make mount namespaces")


def _within(script: str, root: Path, disk: Path, size: str) -> str:
    """Run a script on a disk of its own: `run` is `careful run` to generation, which must not show a Python trace."""
    whole = (
        _DISK + 'cd "$1"; careful=$2\n'
        f'run() {{ code=0; "$careful" run {NAME} --to generation || code=$?; echo "exit code $code"; }}\n' + script
    )
    done = careful(
        root,
        cwd=root,
        prefix=(*_OWN_MOUNTS, whole, "sh", str(disk), size, str(root)),
        CAREFUL_HOME=str(root / ".careful"),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.usefixtures("tiny_disks")
@pytest.mark.parametrize("free_kib", [700])
def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path, undisturbed: Undisturbed, free_kib: int) -> None:
    """However early the disk fills up, the message says so; with space again the run makes what it would have made."""
    root = make_project(tmp_path)
    said = _within(
        f"head -c {24 * 1024 - free_kib}k /dev/zero > .careful/ballast\n"
        "run\nrm .careful/ballast\necho FREED\nrun > /dev/null 2>&1\n"
        f'echo VERSIONS; "$careful" status {NAME} --json',
        root, root / ".careful", "24m",
    )  # fmt: skip
    full, _, after = said.partition("FREED")
    assert "exit code 1" in full
    assert re.search(r"No space left|disk is full|disk I/O error", said)
    assert "free space" in said
    assert "set CAREFUL_HOME to another folder" in said
    (state,) = json.JSONDecoder().raw_decode(after.partition("VERSIONS")[2].strip())[0]
    assert {
        stage["stage"]: stage["data_version"] for stage in state["stages"] if stage["data_version"]
    } == undisturbed.versions


@pytest.mark.soak
@pytest.mark.usefixtures("tiny_disks")
def test_a_full_journal_is_told_and_loses_no_answer(tmp_path: Path, undisturbed: Undisturbed) -> None:
    """Where the journal's disk fills up, generation stops there; what it recorded is kept, and the rest follows.

    In the ordinary run the test above holds this of the whole home's disk.
    """
    root = make_project(tmp_path)
    said = _within(
        "run\ncp .careful/journal/*.ndjson before\nmount -o remount,size=1m .careful/journal\necho FREED\n"
        "run > /dev/null 2>&1\ncp .careful/journal/*.ndjson after",
        root, root / ".careful" / "journal", "16k",
    )  # fmt: skip
    full = said.partition("FREED")[0]
    assert "exit code 1" in full
    assert "No space left" in said
    assert "Everything recorded so far is kept" in said
    before, after = (root / "before").read_bytes(), (root / "after").read_bytes()
    whole = before[: before.rindex(b"\n") + 1]
    assert b"\n" in whole
    assert after.startswith(whole)
    assert versions(root) == undisturbed.versions

"""Predictors that attack: what they try fails as far as the opening says that the system denies it.

What holds everywhere: no byte written to a file, no descriptor, no environment, a time-out, bounded output, its process
group killed, one of the card's labels a row. What needs namespaces, Landlock or seccomp is told by name in
`provenance.openings`, and asserted where it stands there.

Out of the model, and not tested: what a predictor tells by the time that it takes, by its exit code (one byte, which
the error names), or by the labels that it gives; a predictor is the caller's own code, and the caller sees counts.
"""

from __future__ import annotations

import os
import re
import time
from functools import partial
from pathlib import Path

import pytest

from careful_assets.errors import StageFailed
from careful_assets_tests.warehouse.vault_fixtures import CAN, HONEST, LABELS, Place, rows, script

PLANTED = "zyxplanted"
TEXTS = [f"{PLANTED} {'bad' if n % 2 else 'good'} item {n}" for n in range(12)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = Place.at(tmp_path_factory.mktemp("home"))
    place.seal(rows(TEXTS))
    return place


@pytest.fixture
def predictor(tmp_path):
    """Writes a script and gives the command that runs it."""
    return partial(script, tmp_path)


def attempt(place, command, timeout_s=20):
    """How the scoring ended, None for well, and what its opening says held."""
    try:
        place.scorer.score({"attacker": command}, LABELS, timeout_s=timeout_s)
        trouble = None
    except StageFailed as error:
        trouble = str(error)
        assert PLANTED not in trouble
    last = place.openings().row(-1, named=True)
    assert PLANTED not in str(last)
    return trouble, last["protections"].split(", ")


TRY = f"""
import os, sys
{CAN}
def told(said):
    for line in sys.stdin:
        print("complaint" if said else "praise")
"""


def said(place, predictor, body, *arguments):
    """Whether the script told yes, and what held."""
    counts = place.scorer.score({"p": predictor(TRY + body, *arguments)}, LABELS, timeout_s=20)
    (answer,) = set(counts.counts["predicted"])
    return answer == "complaint", counts.protections.split(", ")


def test_the_vault_cannot_be_read_by_its_path(place, predictor):
    """Labels lie in the vault's file: where there are namespaces a predictor finds its folder empty."""
    body = "told(can(lambda: open(sys.argv[1], 'rb').read(1)) or bool(os.listdir(os.path.dirname(sys.argv[1]))))"
    seen, held = said(place, predictor, body, str(place.vault))
    assert place.vault.stat().st_size, "it stands for everybody else"
    if "vault out of sight" not in held:
        pytest.skip("this system has no namespaces; the threat model says who may read files there")
    assert not seen


@pytest.mark.parametrize(
    "undo",
    ["libc.umount2(folder, 2)", "libc.unshare(0x10000000 | 0x20000)", "libc.mount(b'/', folder, b'', 4096, None)"],
)
def test_what_is_hidden_cannot_be_uncovered(place, predictor, undo):
    """Neither by taking the cover off, nor in further namespaces, nor by another mount on it."""
    body = f"""
import ctypes
libc = ctypes.CDLL(None)
folder = os.fsencode(os.path.dirname(sys.argv[1]))
{undo}
libc.umount2(folder, 2)
told(can(lambda: open(sys.argv[1], "rb").read(1)))
"""
    seen, held = said(place, predictor, body, str(place.vault))
    if "vault out of sight" not in held:
        pytest.skip("this system has no namespaces")
    assert not seen


@pytest.mark.parametrize("kind", ["temporary", "working", "home", "shared memory", "queue", "beside the predictor"])
def test_no_row_lands_in_a_file(place, predictor, tmp_path, kind):
    """Wherever a predictor writes its rows, no file holds one afterwards."""
    name = f"{PLANTED}-{os.getpid()}"
    folder = {
        "temporary": "/tmp", "working": ".", "home": os.environ.get("HOME", "/root"), "shared memory": "/dev/shm",
        "queue": "/dev/mqueue", "beside the predictor": str(tmp_path),
    }[kind]  # fmt: skip
    body = (
        TRY
        + """
rows = sys.stdin.read()
can(lambda: os.write(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY), rows.encode()))
print("praise\\n" * rows.count("\\n"), end="")
"""
    )
    target = Path(folder if folder != "." else "/", name)
    try:
        trouble, held = attempt(place, predictor(body, str(Path(folder, name))))
        assert trouble is None
        assert not target.exists() or target.stat().st_size == 0
        if {"landlock", "read-only mounts"} & set(held):
            assert not target.exists(), "not even a name"
    finally:
        target.unlink(missing_ok=True)


def test_no_row_passes_through_a_pipe_with_a_name(place, predictor, tmp_path):
    """A pipe that another process listens on cannot be opened for writing where Landlock holds."""
    os.mkfifo(tmp_path / "pipe")
    listening = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        body = """
rows = sys.stdin.readlines()
can(lambda: os.write(os.open(sys.argv[1], os.O_WRONLY), rows[0].encode()))
print("praise\\n" * len(rows), end="")
"""
        trouble, held = attempt(place, predictor(TRY + body, str(tmp_path / "pipe")))
        if "landlock" not in held:
            pytest.skip("this system has no Landlock: a pipe with a name is no file on a mount")
        assert trouble is None
        assert _heard(listening) == b""
    finally:
        os.close(listening)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.stdout.write(sys.stdin.read())", "wrote more than one label|answers that are none of"),
        ("for line in sys.stdin: print(line[:9])", "answers that are none of the 2 labels"),
        ("sys.stdout.buffer.write(bytes(range(256)) * 999)", "wrote more than one label a row takes"),
        ("sys.stdout.buffer.write(b'\\xff\\n' * 12)", "gave 12 answers that are none of"),
        ("print('praise\\0\\n' * 12, end='')", "gave 12 answers that are none of"),
        ("print(' praise\\n' * 12, end='')", "gave 12 answers that are none of"),
        ("print('PRAISE\\n' * 12, end='')", "gave 12 answers that are none of"),
        ("print('praise\\n' * 11, end='')", "gave 11 labels for 12 rows"),
        ("print('praise\\n' * 13, end='')", "gave 13 labels for 12 rows"),
        ("print('\\n' * 12, end='')", "gave 12 answers that are none of"),
        ("while True: os.write(1, b'praise\\n' * 9999)", "wrote more than one label a row takes; it was killed"),
        ("while True: os.write(2, sys.stdin.read().encode() * 9999 + b'x')", "did not end within"),
        ("while True: pass", "did not end within"),
        ("import signal; signal.signal(15, signal.SIG_IGN); signal.pause()", "did not end within"),
        ("os.kill(os.getpid(), 19)", "did not end within"),
        ("kept = [bytes(1 << 20).replace(b'\\0', b'x') for _ in range(1 << 14)]", "ended with exit code 1|killed by"),
        ("kept = [os.open('/dev/null', 0) for _ in range(1 << 22)]", "ended with exit code 1"),
    ],
)
def test_what_is_no_answer_is_refused_in_words_without_rows(place, predictor, body, message):
    """Rows in place of labels, bytes, too many or too few, output without end, hanging, and using everything up."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))\n" if "kept" in body else ""
    command = predictor("import os, sys\n" + limit + body)
    trouble, held = attempt(place, command, timeout_s=1 if "did not end" in message else 20)
    assert trouble is not None
    assert re.search(message, trouble), trouble
    assert {"rlimits", "process group"} <= set(held)


def test_memory_has_a_bound(place, predictor):
    """An address space without end is not to be had, whatever the machine has."""
    body = """
import mmap
try:
    told(bool(mmap.mmap(-1, 16 << 30)))
except (OSError, ValueError, OverflowError):
    told(False)
"""
    granted, held = said(place, predictor, body)
    assert "rlimits" in held
    assert not granted


@pytest.mark.parametrize("victim", ["os.getppid()", "-1", "1", "0", "int(sys.argv[1])"])
def test_a_predictor_that_kills_is_no_answer_and_kills_no_stranger(place, predictor, victim):
    """Parent, group, everybody or the scoring process: the scoring goes on, and ends as failed or well."""
    body = (
        TRY
        + f"""
import signal
if {victim} != -1 or os.getpid() < 100:  # without a pid namespace it would hit the whole machine
    can(lambda: os.kill({victim}, signal.SIGKILL))
told(False)
"""
    )
    if victim in ("-1", "1", "int(sys.argv[1])"):
        _, held = attempt(place, predictor(HONEST))
        if not any("pid" in one for one in held):
            pytest.skip("this system has no pid namespaces, and a signal finds whom the user may kill")
    trouble, held = attempt(place, predictor(body, str(os.getpid())))
    assert trouble is None or "was killed" in trouble
    assert "rlimits" in held


FORKS = """
import os, sys, time
for depth in range(20):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for one in range(3):
                os.close(one)
            time.sleep(60)
        os._exit(0)
"""


def test_children_of_children_do_not_stay(place, predictor):
    """Forty children in sessions of their own, their descriptors closed, are gone when the scoring ends."""
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    trouble, held = attempt(place, predictor(FORKS + HONEST, mark))
    assert trouble is None
    if not any("pid" in one for one in held):
        pytest.skip("this system has no pid namespaces")
    assert not [one for one in Path("/proc").glob("[0-9]*/cmdline") if mark.encode() in _bytes(one)]


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET"])
def test_no_socket_is_to_be_had(place, predictor, family):
    """Of no family is there a new socket where the filter of system calls holds, nor a pair of them to pass on."""
    body = f"import socket\ntold(can(lambda: socket.socket(socket.{family})))"
    got, held = said(place, predictor, body)
    if "no sockets" not in held:
        pytest.skip("this system filters no system calls")
    assert not got


def _bytes(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _heard(descriptor):
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return b""

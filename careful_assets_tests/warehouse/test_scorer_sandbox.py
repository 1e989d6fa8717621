"""What a predictor may not do: write, call out, inherit, or look at other processes."""

import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from careful_assets.warehouse import sandbox
from careful_assets_tests.warehouse.vault_fixtures import CAN, HONEST, LABELS, Place, rows, script

CONSTANT = """
import sys
said = {probe}
for line in sys.stdin:
    print("complaint" if said else "praise")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = Place.at(tmp_path_factory.mktemp("home"))
    place.seal(rows([f"{'bad' if n % 2 else 'good'} item {n}" for n in range(10)]))
    return place


@pytest.fixture
def predictor(tmp_path):
    """Writes a script and gives the command that runs it."""
    return partial(script, tmp_path)


@pytest.fixture
def says(place, predictor):
    """Whether a predictor can do something: its probe is an expression, or names a function defined before it."""

    def ask(probe, before=""):
        command = predictor(before + CONSTANT.format(probe=probe))
        scores = place.scorer.score({"probe": command}, LABELS, timeout_s=20)
        (said,) = set(scores.counts["predicted"])
        return said == "complaint", scores.protections

    return ask


@pytest.mark.parametrize("where", ["{tmp}/stolen", "/dev/shm/stolen-{pid}", "{tmp}/kept"])
def test_predictor_writes_no_file(says, tmp_path, where):
    """No byte lands in a file, new or old; where folders are closed, no empty file either."""
    (tmp_path / "kept").write_text("as it was")
    path = where.format(tmp=tmp_path, pid=os.getpid())
    wrote, protections = says(
        "can(write)", CAN + f"def write():\n    with open({path!r}, 'ab', 0) as f: f.write(b'row')\n"
    )
    assert not wrote
    assert (tmp_path / "kept").read_text() == "as it was"
    if "landlock" in protections or "read-only mounts" in protections:
        assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "predictor.py"]
        assert not Path(f"/dev/shm/stolen-{os.getpid()}").exists()


def test_predictor_may_read_files_and_open_the_null_device(says, tmp_path):
    """What a predictor needs works: reading its model and throwing output away."""
    (tmp_path / "model").write_text("weights")
    need = f"""
def need():
    assert open({str(tmp_path / "model")!r}).read() == "weights"
    open("/dev/null", "w").write("x")
"""
    assert says("can(need)", CAN + need)[0]


@pytest.mark.parametrize("family", ["tcp", "unix"])
def test_predictor_reaches_no_socket(says, tmp_path, family):
    """A server that listens on loopback or on a path hears nothing."""
    with socket.socket(socket.AF_INET if family == "tcp" else socket.AF_UNIX) as server:
        server.bind(("127.0.0.1", 0) if family == "tcp" else str(tmp_path / "s"))
        server.listen()
        address, kind = server.getsockname(), server.family.value
        body = f"import socket\ndef call():\n    socket.socket({kind}).connect({address!r})\n"
        reached, protections = says("can(call)", CAN + body)
    if "no sockets" not in protections and (family == "unix" or "namespaces" not in protections):
        pytest.skip("this system can deny no sockets")
    assert not reached


def test_predictor_inherits_no_descriptor(says, tmp_path):
    """Files that the scoring process holds open, even inheritable ones, are not open in the predictor."""
    with open(tmp_path / "secret", "w+") as secret:
        os.set_inheritable(secret.fileno(), True)
        body = CAN + "import os\ndef open_ones():\n    return [n for n in range(3, 1024) if can(lambda: os.fstat(n))]\n"
        assert not says("open_ones()", body)[0]


def test_predictor_reads_no_other_process(says, tmp_path):
    """Neither memory nor environment nor descriptors of the scoring process can be read through /proc."""
    body = (
        CAN
        + f"""
def peek():
    for name in ("mem", "environ", "fd/0"):
        if can(lambda: open("/proc/{os.getpid()}/" + name, "rb").close()):
            return True
    return False
"""
    )
    seen, protections = says("peek()", body)
    if "landlock" not in protections and "namespaces" not in protections:
        pytest.skip("this system can hide no process")
    assert not seen


def test_predictor_starts_with_a_bare_environment(says, monkeypatch):
    """Secrets in this process's environment do not reach the predictor; it starts in / without a home."""
    monkeypatch.setenv("CAREFUL_LLM_API_KEY", "planted")
    wanted = "'CAREFUL_LLM_API_KEY' not in os.environ and os.getcwd() == '/' and os.environ['HOME'] == '/nonexistent'"
    assert says(wanted, "import os\n")[0]


ALONE = """
import os, socket, sys
sys.path.insert(0, sys.argv[1])
import sandbox
try:
    for name in sys.argv[2].split(", "):
        sandbox.PROTECTIONS[name]()
except sandbox.Denied:
    raise SystemExit(77)
try:
    {act}
except OSError:
    raise SystemExit(0)
raise SystemExit(1)
"""
WRITE = "with open(sys.argv[3], 'ab', 0) as file: file.write(b'row')"
SPACES = "net+pid+ipc+mount namespaces"


@pytest.mark.parametrize(
    ("protections", "act"),
    [
        ("rlimits", WRITE),
        (f"{SPACES}, read-only mounts", WRITE),
        (f"{SPACES}, read-only mounts", "os.setxattr(sys.argv[3], 'user.row', b'row')"),
        ("no new privileges, landlock", WRITE),
        ("no new privileges, landlock", "os.unlink(sys.argv[3])"),
        ("no new privileges, landlock", "os.mkdir(sys.argv[3] + '-row')"),
        (SPACES, "socket.create_connection(('127.0.0.1', int(sys.argv[4])))"),
        ("no new privileges, landlock", "socket.create_connection(('127.0.0.1', int(sys.argv[4])))"),
        ("no new privileges, no sockets", "socket.create_connection(('127.0.0.1', int(sys.argv[4])))"),
        ("no new privileges, no sockets", "socket.socket(socket.AF_UNIX)"),
    ],
)
def test_each_protection_holds_alone(tmp_path, protections, act):
    """Protections overlap, so each is shown by itself: it holds, or the system does not have it."""
    target = tmp_path / "file"
    target.touch()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        arguments = [str(Path(sandbox.__file__).parent), protections, str(target), str(server.getsockname()[1])]
        command = [sys.executable, "-I", "-S", "-B", "-c", ALONE.format(act=act), *arguments]
        ended = subprocess.run(command, capture_output=True, check=False)
    if ended.returncode == 77:
        pytest.skip(f"this system has no {protections}")
    assert ended.returncode == 0, ended.stderr
    assert target.read_bytes() == b""


def test_scientific_stack_runs_in_the_sandbox(place, predictor):
    """A predictor that uses scikit-learn works under all protections."""
    command = predictor("from sklearn.linear_model import LogisticRegression\n" + HONEST)
    command = [part for part in command if part not in ("-I", "-S")]
    assert not place.scorer.score({"sklearn": command}, LABELS).counts.is_empty()

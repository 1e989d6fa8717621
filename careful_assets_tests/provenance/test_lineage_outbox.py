"""Files of events: whole lines from several processes at once, after a torn line, and on a disk that is full."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.provenance.lineage.outbox import append_line, encoded

_WRITER = """
import sys
from pathlib import Path
from careful_assets.provenance.lineage.outbox import append_line, encoded
path, who, lines = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(lines):
    append_line(path, encoded({"who": who, "number": number, "filling": "x" * (number * 37 % 5000)}))
"""
_CRAMPED = """
import resource, sys
from pathlib import Path
from careful_assets.provenance.lineage.outbox import append_line, encoded
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
written = 0
for number in range(100):
    try:
        append_line(path, encoded({"number": number, "filling": "x" * 300}))
        written += 1
    except OSError as error:
        print(written, error.errno)
        break
"""


def test_processes_and_threads_write_whole_lines(tmp_path: Path) -> None:
    """Two processes and two threads append thousands of lines at once: each is whole, none is lost, each's in order."""
    path, lines = tmp_path / "lineage" / "events.ndjson", 1500
    children = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(path), who, str(lines)]) for who in ("first", "second")
    ]

    def write(who: str) -> None:
        for number in range(lines):
            append_line(path, encoded({"who": who, "number": number, "filling": "y" * (number * 41 % 3000)}))

    threads = [threading.Thread(target=write, args=(who,)) for who in ("third", "fourth")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [child.wait() for child in children] == [0, 0]
    found = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert Counter(one["who"] for one in found) == dict.fromkeys(("first", "second", "third", "fourth"), lines)
    for who in ("first", "second", "third", "fourth"):
        assert [one["number"] for one in found if one["who"] == who] == list(range(lines))


@settings(deadline=None, max_examples=50)
@given(
    lines=st.lists(st.dictionaries(st.text(max_size=5), st.text() | st.integers(), max_size=3), max_size=5),
    torn=st.binary(max_size=200).map(lambda text: text.replace(b"\n", b"")),
)
def test_a_torn_line_spoils_none(
    lines: list[dict[str, object]], torn: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever a kill left behind the last newline is cut off, and every line before and after it reads as written."""
    path = tmp_path_factory.mktemp("torn") / "events.ndjson"
    for line in lines:
        append_line(path, encoded(line))
    with path.open("ab") as stream:
        stream.write(torn)
    append_line(path, encoded({"after": 1}))
    assert [json.loads(line) for line in path.read_bytes().splitlines()] == [*lines, {"after": 1}]


def test_a_long_torn_line_is_cut_off(tmp_path: Path) -> None:
    """A torn line of any length goes, also where it is all that the file holds."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"x" * 300_000)
    append_line(path, b"{}\n")
    with path.open("ab") as stream:
        stream.write(b"y" * 200_000)
    append_line(path, b"[]\n")
    assert path.read_bytes() == b"{}\n[]\n"


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    """Where a file may not grow in the middle of a line, the line is taken back and the writer hears of it."""
    path = tmp_path / "events.ndjson"
    done = subprocess.run(
        [sys.executable, "-c", _CRAMPED, str(path)], capture_output=True, text=True, check=True, env=os.environ
    )
    written, errno = map(int, done.stdout.split())
    assert 0 < written < 100
    assert errno > 0
    assert [json.loads(line)["number"] for line in path.read_bytes().splitlines()] == list(range(written))
    assert path.read_bytes().endswith(b"\n")
    append_line(path, encoded({"number": written}))
    assert len(path.read_bytes().splitlines()) == written + 1


def test_a_renamed_file_gets_no_more_lines(tmp_path: Path) -> None:
    """Who waits for the lock while the file is renamed writes into the new one."""
    path, taken = tmp_path / "outbox.ndjson", tmp_path / "sending.ndjson"
    from careful_assets.provenance.lineage.outbox import locked

    append_line(path, b"1\n")
    with locked(path):
        writer = threading.Thread(target=append_line, args=(path, b"2\n"))
        writer.start()
        writer.join(0.3)
        assert writer.is_alive()
        path.rename(taken)
    writer.join()
    assert (taken.read_bytes(), path.read_bytes()) == (b"1\n", b"2\n")


def test_what_is_no_plain_value_is_refused() -> None:
    """A number of another library is an error, not a text that looks like one; nor is a number that JSON lacks."""
    import numpy as np

    with pytest.raises(TypeError):
        encoded({"rows": np.int64(3)})
    with pytest.raises(ValueError, match="JSON"):
        encoded({"share": float("nan")})

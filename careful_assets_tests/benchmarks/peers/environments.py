"""Each peer's own virtual environment under `.peers/`: made on demand, kept, and made anew when its pins change.

Belongs here: where a peer's Python is and how it comes there. Does not belong here: running it (`running`).
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[2] / ".peers"
_INSTALL_TIMEOUT_S = 900


class PeerUnavailable(RuntimeError):
    """A peer that could not be installed or did not do its work; says which, why and what to do."""


@dataclass(frozen=True)
class Peer:
    """One peer: its name and version as people know it, and what its files here and its environment are called."""

    title: str
    name: str

    @property
    def pins(self) -> Path:
        """Everything that its environment holds, with versions."""
        return HERE / f"{self.name}.txt"

    @property
    def runner(self) -> Path:
        """The file that the peer's own Python runs."""
        return HERE / f"{self.name}_rows.py"


DATA_DESIGNER = Peer("Data Designer 0.9.6", "data_designer")
DISTILABEL = Peer("distilabel 1.5.3", "distilabel")


def python_of(peer: Peer) -> Path:
    """The peer's own Python; its environment is made first where it is missing or its stamp is not that of the pins.

    Raises:
        PeerUnavailable: the installation failed or took longer than 15 minutes.
    """
    folder = ENVIRONMENTS / peer.name
    python, stamp = folder / "bin" / "python", folder / "stamp"
    wanted = hashlib.sha256(peer.pins.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    print(f"Setting up .peers/{peer.name} for {peer.title} (1 to 4 minutes, 1 GB)", flush=True)
    ENVIRONMENTS.mkdir(exist_ok=True)
    log = ENVIRONMENTS / f"{peer.name}.log"
    venv: list[str | Path] = [sys.executable, "-m", "venv", "--clear", folder]
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "--progress-bar",
        "off",
    ]
    try:
        with log.open("w") as output:
            for command in (venv, [*pip, "--no-deps", "-r", peer.pins]):
                subprocess.run(command, check=True, stdout=output, stderr=output, timeout=_INSTALL_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise PeerUnavailable(
            f"{peer.title} could not be installed ({type(error).__name__}): see .peers/{log.name}, and run again"
        ) from error
    stamp.write_text(wanted)  # last: what an interrupted installation left has none
    return python

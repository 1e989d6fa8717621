"""Files as the card declares them: there, with the card's digest, and unchanged while they are read."""

from __future__ import annotations

import hashlib
from pathlib import Path

from careful_assets.anchors.sources.faults import FaultList
from careful_assets.anchors.sources.reading import Reading
from careful_assets.card.anchors import Columns, FileSource


class DeclaredFile:
    """A file whose digest is the card's; hashed in a stream before anything parses it."""

    def __init__(self, source: FileSource, folder: Path, faults: FaultList) -> None:
        """Find and hash the file.

        Raises:
            MalformedInput: it is missing, cannot be read, or is another one.
        """
        self.path = folder / source.path
        if not self.path.is_file():
            faults.add(None, "", "there is no such file; mend anchors.source.path in the card")
            faults.stop()
        try:
            self._stamp = _stamp(self.path)
            self.digest = file_digest(self.path)
        except OSError as error:
            faults.add(None, "", f"cannot be read: {error.strerror}; see to its permissions")
            faults.stop()
            raise
        check_digest(self.digest, source.sha256, "this file", faults)

    def still_stands(self, faults: FaultList) -> None:
        """Refuse what was read if the file was changed or removed meanwhile.

        Raises:
            MalformedInput: it was.
        """
        if not self.path.is_file() or _stamp(self.path) != self._stamp:
            faults.add(None, "", "was changed while it was read; run again when nobody writes to it")
            faults.stop()


class FileReading(Reading):
    """A reading of one declared file."""

    def __init__(self, file: DeclaredFile, columns: list[str], mapping: Columns, faults: FaultList) -> None:
        super().__init__(columns, mapping, faults)
        self.file = file

    @property
    def digest(self) -> str:
        """sha256 of the file."""
        return self.file.digest


def file_digest(path: Path) -> str:
    """sha256 of the file, read in pieces."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def check_digest(found: str, declared: str, what: str, faults: FaultList) -> None:
    """Refuse a source that is not the card's.

    Raises:
        MalformedInput: the digests differ.
    """
    if found != declared:
        faults.add(
            None, "sha256", f"is {found}, the card says {declared}; if {what} is meant, put its digest into the card"
        )
        faults.stop()


def _stamp(path: Path) -> tuple[int, int, int]:
    about = path.stat()
    return about.st_ino, about.st_size, about.st_mtime_ns

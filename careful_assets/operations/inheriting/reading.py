"""Reading a file that nobody declared: what kind it is, which columns hold text and label, and each of its lines.

Belongs here: everything up to frames of lines. Does not belong here: the formats (`anchors.sources`), and what a line
is matched with. A fault of one line ends nothing: the line is given as unreadable, so that every line is accounted for.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import polars as pl

from careful_assets.anchors.sources.csv_files import CsvReading
from careful_assets.anchors.sources.faults import FaultList
from careful_assets.anchors.sources.jsonl_files import JsonlReading
from careful_assets.anchors.sources.lines import decoded_lines
from careful_assets.anchors.sources.parquet_files import ParquetReading
from careful_assets.anchors.sources.reading import PLACE, Reading
from careful_assets.anchors.sources.rows import text_of
from careful_assets.anchors.sources.whole_files import file_digest
from careful_assets.card.anchors import Columns, FileSource
from careful_assets.errors import Fault, MalformedInput
from careful_assets.warehouse.home import explained

TEXT_NAMES = ("text", "content", "body", "review", "sentence", "comment", "message", "document", "utterance", "input")
LABEL_NAMES = ("label", "class", "category", "sentiment", "intent", "target")
_FORMATS: dict[str, Callable[[FileSource, Path], Reading]] = {
    "csv": CsvReading,
    "jsonl": JsonlReading,
    "parquet": ParquetReading,
}
_HEAD_LINES = 1000
_SHOWN_COLUMNS = 20

Kind = Literal["csv", "jsonl", "parquet"]


@dataclass(frozen=True)
class ForeignFile:
    """A file that was found to have the columns to read; `digest` is that of the file as it was given."""

    name: str
    digest: str
    kind: Kind
    text: str
    label: str | None
    reading: Reading
    faults: EveryLine

    def lines(self) -> Iterator[pl.DataFrame]:
        """`line` (Int64), `text` and `label` (String or null) of the lines that could be read, some at a time.

        Lines that could not are in `faults` once all were taken.

        Raises:
            MalformedInput: reading cannot go on.
        """
        wanted = [self.text] + ([self.label] if self.label not in (None, self.text) else [])
        with _said_of(self.name):
            for batch in self.reading.batches(wanted):
                absent = pl.Series("label", [None] * batch.height, pl.String)
                label = absent if self.label is None else text_of(batch[self.label]).alias("label")
                yield pl.DataFrame([batch[PLACE].alias("line"), text_of(batch[self.text]).alias("text"), label])


class EveryLine(FaultList):
    """A file's faults, and every line that has one; reading never stops at them."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.places = array("q")

    def add(self, place: int | None, key: str, message: str, kind: str = "") -> None:
        """Note one fault, and its line."""
        super().add(place, key, message, kind)
        if place is not None:
            self.places.append(place)

    def stop(self) -> None:
        """As for anchors, but said of a foreign file.

        Raises:
            MalformedInput: there is a fault.
        """
        with _said_of(self.source):
            super().stop()

    @property
    def total(self) -> int:
        """How many faults were noted, shown or not."""
        return sum(self._counts.values())


def open_foreign(path: Path, scratch: Path, text: str | None, label: str | None) -> ForeignFile:
    """The file, its kind told by its content and name, its columns as named or discovered.

    Args:
        path: JSONL, CSV or Parquet, each also compressed with gzip.
        scratch: a private folder, in which a compressed file is unpacked.
        text, label: the columns; without them the one of the usual names that is there.

    Raises:
        MalformedInput: it cannot be read, or its columns cannot be told.
    """
    if not path.is_file():
        raise _fault(path.name, "there is no such file; give the path of a JSONL, CSV or Parquet file")
    with _said_of(path.name):
        digest, plain = _unpacked(path, scratch)
        kind = _kind(plain, path.name)
        columns = _columns(plain, kind, path.name)
        text = _told("text", text, columns, TEXT_NAMES, path.name)
        label = _told("label", label, columns, LABEL_NAMES, path.name)
        assert text is not None
        # The label is no column that every line must have: what lacks one is sorted all the same.
        mapping = Columns.model_construct(text=text, label=text, key=None, group=None, attributes=[])
        source = FileSource.model_construct(kind=kind, path=plain.name, sha256=file_digest(plain), columns=mapping)
        reading = _FORMATS[kind](source, plain.parent)
    faults = EveryLine(path.name)
    reading.faults = faults
    return ForeignFile(path.name, digest, kind, text, label, reading, faults)


def _unpacked(path: Path, scratch: Path) -> tuple[str, Path]:
    """The file's digest, and the file itself or what was unpacked from it."""
    try:
        digest = file_digest(path)
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
    except OSError as error:
        raise _unread(path.name, error) from error
    if not packed:
        return digest, path
    plain = scratch / "unpacked"
    with explained(plain), plain.open("wb") as out:
        for piece in _pieces(path):
            out.write(piece)
    return digest, plain


def _pieces(path: Path) -> Iterator[bytes]:
    """What a gzip file holds; what is wrong with the file is said of it, and not of where it is unpacked."""
    try:
        with gzip.open(path, "rb") as stream:
            while piece := stream.read(1 << 20):
                yield piece
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _fault(path.name, f"is a damaged gzip file ({type(error).__name__}); fetch it again") from error
    except OSError as error:
        raise _unread(path.name, error) from error


def _kind(plain: Path, name: str) -> Kind:
    with plain.open("rb") as stream:
        if stream.read(4) == b"PAR1":
            return "parquet"
    suffixes = [suffix.lower() for suffix in Path(name).suffixes if suffix.lower() not in (".gz", ".gzip")]
    if suffixes and suffixes[-1] == ".parquet":
        return "parquet"
    return "csv" if suffixes and suffixes[-1] in (".csv", ".tsv") else "jsonl"


def _columns(plain: Path, kind: Kind, name: str) -> list[str]:
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return list(pq.read_schema(plain).names)
        except (pa.ArrowException, OSError) as error:
            raise _fault(name, f"is a damaged Parquet file ({type(error).__name__}); fetch it again") from error
    lines = decoded_lines(plain, "" if kind == "csv" else "\n", FaultList(name))
    if kind == "csv":
        try:
            head = next((row for row in csv.reader(lines) if row), [])
        except csv.Error as error:
            raise _fault(name, f"its header is no CSV row: {error}") from error
        if not head:
            raise _fault(name, "is empty; give a file with a header and rows")
        if len(head) == 1 and (other := [mark for mark in ";\t|" if mark in head[0]]):
            raise _fault(name, f"the header is separated by {other[0]!r}; save the file with commas")
        return head
    found: dict[str, None] = {}
    for line in islice((line for line in lines if line.strip()), _HEAD_LINES):
        with suppress(ValueError, RecursionError):
            row = json.loads(line)
            found |= dict.fromkeys(row) if isinstance(row, dict) else {}
    if not found:
        raise _fault(name, f"none of its first {_HEAD_LINES:,} lines is a JSON object; give JSONL, CSV or Parquet")
    return list(found)


def _told(role: str, given: str | None, columns: list[str], usual: Sequence[str], name: str) -> str | None:
    """The column as named, or the one of the usual names that is there; none for a label that is not there."""
    shown = ", ".join(columns[:_SHOWN_COLUMNS]) + (" ..." if len(columns) > _SHOWN_COLUMNS else "")
    if given is not None:
        if given not in columns:
            raise _fault(name, f"there is no column {given!r}; the columns are {shown}", f"--{role}")
        found = [given]
    else:
        found = [column for column in columns if column.strip().casefold() in usual]
    if len(found) > 1:
        raise _fault(name, f"{' and '.join(found)} may each hold the {role}; say which: --{role} COLUMN", f"--{role}")
    if not found and role == "text":
        raise _fault(name, f"no column has a usual name for texts; the columns are {shown}: --text COLUMN", "--text")
    if found and found[0] == PLACE:
        raise _fault(name, f"{PLACE!r} is the platform's own word for a row's number; rename the column", f"--{role}")
    return found[0] if found else None


def _fault(name: str, message: str, key: str = "") -> MalformedInput:
    return MalformedInput(f"foreign file {name}", [Fault(name, None, key, message)])


def _unread(name: str, error: OSError) -> MalformedInput:
    why = error.strerror or type(error).__name__
    return _fault(name, f"cannot be read: {why}; see to its permissions and the disk that it lies on")


@contextmanager
def _said_of(name: str) -> Iterator[None]:
    """Faults that the readers of anchors found, and errors of reading, said of a foreign file."""
    try:
        yield
    except MalformedInput as error:
        faults = [Fault(name, fault.line, fault.key, fault.message) for fault in error.faults]
        raise MalformedInput(f"foreign file {name}", faults) from None
    except OSError as error:
        raise _unread(name, error) from error

"""Lines of text files: UTF-8 and nothing else, every line that is not named, with what it may have been meant to be."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from careful_assets.anchors.sources.faults import FaultList

# A file without line breaks must not be read as one line of two gigabytes.
MAX_LINE_CHARACTERS = 50_000_000
_HEAD_BYTES = 4096
_BYTE_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"), (b"\x00\x00\xfe\xff", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"),
)  # fmt: skip
# What `surrogateescape` makes of bytes that are not UTF-8; real UTF-8 never decodes to these.
_ESCAPED = re.compile("[\udc80-\udcff]")


def decoded_lines(path: Path, newline: str, faults: FaultList) -> Iterator[str]:
    """The file's lines with their ends; `newline` as in `open`. A byte-order mark of UTF-8 is dropped.

    A line that is not UTF-8 is noted with its number and given with U+FFFD in the place of its foreign bytes.

    Raises:
        MalformedInput: the file is UTF-16 or UTF-32, or has no line breaks.
    """
    with path.open("rb") as binary:
        _refuse_wide(binary.read(_HEAD_BYTES), faults)
        binary.seek(0)
        handle = io.TextIOWrapper(binary, encoding="utf-8", errors="surrogateescape", newline=newline)
        for place, line in enumerate(iter(partial(handle.readline, MAX_LINE_CHARACTERS), ""), start=1):
            if place == 1 and line.startswith("\ufeff"):
                line = line[1:]  # noqa: PLW2901
            if len(line) >= MAX_LINE_CHARACTERS:
                faults.add(place, "", f"has over {MAX_LINE_CHARACTERS:,} characters in a line; is this the right file?")
                faults.stop()
            yield line if line.isascii() else _checked(line, place, faults)


def _checked(line: str, place: int, faults: FaultList) -> str:
    found = _ESCAPED.search(line)
    if found is None:
        return line
    byte = ord(found.group()) - 0xDC00
    try:
        meant = f"in Windows-1252 it would be {bytes([byte]).decode('cp1252')!r}"
    except UnicodeDecodeError:
        meant = "it is nothing in Windows-1252 either"
    faults.add(place, "", f"the byte 0x{byte:02X} is not UTF-8 ({meant}); save the file as UTF-8", "encoding")
    return _ESCAPED.sub("\ufffd", line)


def _refuse_wide(head: bytes, faults: FaultList) -> None:
    name = next((name for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), None)
    if name is None and head.count(0) * 4 > len(head):
        # Without a mark: plain letters leave every second byte NUL in UTF-16, three of four in UTF-32.
        name = "UTF-32" if head.count(0) * 8 > len(head) * 5 else "UTF-16"
    if name is not None:
        faults.add(1, "", f"the file is not UTF-8 but {name}; save it as UTF-8")
        faults.stop()

"""Anchors from a folder that the `datasets` library saved to disk; read without that library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.anchors.sources.arrow import frame_of
from careful_assets.anchors.sources.faults import FaultList
from careful_assets.anchors.sources.reading import Reading, gathered, need_columns, numbered
from careful_assets.anchors.sources.whole_files import check_digest, file_digest
from careful_assets.card.anchors import DatasetsSource

_STATE, _INFO, _PARTS = "state.json", "dataset_info.json", "dataset_dict.json"


class SavedDatasetReading(Reading):
    """A saved `Dataset`, or one part of a saved `DatasetDict`; every row's place is its number.

    The digest is sha256 over the sorted lines "<sha256 of the file>  <its name>", each ended by a line feed, of the
    Arrow files that are read and of dataset_info.json, which names the classes.
    """

    def __init__(self, source: DatasetsSource, folder: Path) -> None:
        import pyarrow as pa

        faults = FaultList(source.path)
        self._folder = _part_folder(folder / source.path, source.part, faults)
        names = [entry.get("filename") for entry in _read_json(self._folder / _STATE, faults).get("_data_files", [])]
        self._files = [self._folder / _plain_name(name, faults) for name in names]
        info = _read_json(self._folder / _INFO, faults)
        missing = [path.name for path in self._files if not path.is_file()]
        if missing or not names:
            faults.add(None, "", f"lacks its data files {', '.join(missing)}; save the dataset anew")
        faults.stop()
        self._digest = _digest_of([*self._files, self._folder / _INFO])
        check_digest(self._digest, source.sha256, "this dataset", faults)
        self._classes = _class_names(info)
        try:
            with pa.OSFile(str(self._files[0])) as file:
                columns = list(pa.ipc.open_stream(file).schema.names)
        except (pa.ArrowException, OSError) as error:
            _damaged(self._files[0], error, faults)
            raise
        need_columns(columns, source.columns, faults)
        super().__init__(columns, source.columns, faults)

    @property
    def digest(self) -> str:
        """sha256 over the digests and names of the data files and dataset_info.json."""
        return self._digest

    def batches(self, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The rows, in the dataset's order; of class labels, their names."""
        yield from numbered(gathered(self._frames(list(wanted))))
        if not all(path.is_file() for path in self._files) or self._digest != _digest_of(
            [*self._files, self._folder / _INFO]
        ):
            self.faults.add(None, "", "was changed while it was read; run again when nobody writes to it")
            self.faults.stop()

    def _frames(self, wanted: list[str]) -> Iterator[pl.DataFrame]:
        import pyarrow as pa

        first = 1
        for path in self._files:
            try:
                with pa.OSFile(str(path)) as file:
                    options = pa.ipc.IpcReadOptions(included_fields=[self.columns.index(name) for name in wanted])
                    for batch in pa.ipc.open_stream(file, options=options):
                        for start in range(0, batch.num_rows, 10_000):
                            frame = frame_of(batch.slice(start, 10_000), self.faults).select(wanted)
                            yield self._with_class_names(frame, first)
                            first += frame.height
            except (pa.ArrowException, OSError) as error:
                _damaged(path, error, self.faults)

    def _with_class_names(self, frame: pl.DataFrame, first: int) -> pl.DataFrame:
        """Class numbers replaced by their names; -1, the library's number for none, by null."""
        for name in self._classes.keys() & set(frame.columns):
            known = dict(enumerate(self._classes[name]))
            numbers = frame[name]
            for at in (~numbers.is_in([-1, *known]) & numbers.is_not_null()).arg_true():
                message = f"{name!r} holds the class number {numbers[at]}, which dataset_info.json does not name"
                self.faults.add(first + at, "label", message, "class")
            frame = frame.with_columns(numbers.replace_strict(known, default=None, return_dtype=pl.String).alias(name))
        return frame


def _part_folder(folder: Path, part: str | None, faults: FaultList) -> Path:
    if not folder.is_dir():
        faults.add(None, "", "there is no such folder; mend anchors.source.path in the card")
        faults.stop()
    if (folder / _PARTS).is_file():
        parts = _read_json(folder / _PARTS, faults).get("splits", [])
        if part not in parts:
            said = "name one" if part is None else f"there is no part {part!r}; name another"
            faults.add(None, "part", f"the folder holds the parts {', '.join(map(str, parts))}; {said} in the card")
            faults.stop()
        assert part is not None
        return folder / _plain_name(part, faults)
    if not (folder / _STATE).is_file():
        faults.add(None, "", f"is no folder that `datasets` saved: it has no {_STATE}; use save_to_disk to make one")
    elif part is not None:
        faults.add(None, "part", "the folder holds one dataset without parts; remove `part` from the card")
    faults.stop()
    return folder


def _read_json(path: Path, faults: FaultList) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        faults.add(None, "", f"{path.name} is missing or no JSON ({type(error).__name__}); save the dataset anew")
        faults.stop()
        raise
    if not isinstance(value, dict):
        faults.add(None, "", f"{path.name} holds no JSON object; save the dataset anew")
        faults.stop()
    return dict(value)


def _plain_name(name: object, faults: FaultList) -> str:
    """A file's name that leads nowhere else."""
    if not isinstance(name, str) or Path(name).name != name or name in ("", ".", ".."):
        faults.add(None, "", f"{_STATE} or {_PARTS} names a file outside of the folder; save the dataset anew")
        faults.stop()
    return str(name)


def _class_names(info: dict[str, Any]) -> dict[str, list[str]]:
    features = info.get("features") or {}
    return {
        name: feature["names"]
        for name, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
    }


def _digest_of(paths: Sequence[Path]) -> str:
    lines = sorted(f"{file_digest(path)}  {path.name}\n" for path in paths)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _damaged(path: Path, error: Exception, faults: FaultList) -> None:
    faults.add(None, "", f"{path.name} is truncated or damaged ({type(error).__name__}); save the dataset anew")
    faults.stop()

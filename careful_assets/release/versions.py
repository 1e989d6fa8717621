"""Version numbers of releases: MAJOR.MINOR.PATCH, by what happened to the rows since the version before."""

from __future__ import annotations

from collections.abc import Mapping

FIRST = "1.0.0"


def next_version(before: str, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> str:
    """The version after `before`: minor if rows were only added, major if any was removed or changed.

    `old`, `new`: leaf digests by row_id.
    """
    major, minor, _ = (int(part) for part in before.split("."))
    only_added = all(new.get(row_id) == digest for row_id, digest in old.items())
    return f"{major}.{minor + 1}.0" if only_added else f"{major + 1}.0.0"


def version_after_retired(before: str) -> str:
    """The version after one that was retired: its rows are no longer there to compare with."""
    return f"{int(before.split('.', maxsplit=1)[0]) + 1}.0.0"


def version_key(version: str) -> tuple[int, ...]:
    """Sorts versions by number."""
    return tuple(int(part) for part in version.split("."))

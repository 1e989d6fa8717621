"""What `careful audit` prints: what does not hold first, then who made the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from careful_assets.operations.text import one_line

_SHOWN = 10
_NOBODY = "nobody"


def audited_text(report: Mapping[str, Any]) -> str:
    """The report of `audit.audit_release` as text."""
    digest = _told(report["content_digest"])
    title = f"{_told(report['name'])} {_told(report['version'])}, content digest {digest}"
    if "retired" in report:
        return "\n".join(
            [*_retired(report["retired"]), *map(one_line, report["differences"]), title, *_manifests(report)]
        )
    told = _audited(report["audited"]) if report["audited"] else _manifests(report)
    return "\n".join([*_held(report["differences"]), title, *_covered(report), *told])


def _held(differences: Sequence[str]) -> Iterable[str]:
    if not differences:
        yield "HOLDS: every file is as the manifest says, and the rows give the content digest"
        return
    yield "DOES NOT HOLD: what follows is not what was released"
    yield from (f"    {one_line(one)}" for one in differences)


def _covered(report: Mapping[str, Any]) -> Iterable[str]:
    fields = ", ".join(report["covered"]["content_digest"])
    yield f"covered      by the content digest: {fields} of each row"
    yield "             by file digests in the manifest, unsigned: prompts, votes, reviews, rejects, all else"
    yield f"sealed sets  {_told(report['registry_state'])}, as the manifest says"


def _retired(stone: Mapping[str, Any]) -> Iterable[str]:
    yield f"RETIRED {_told(stone.get('retired_at'))}: {_told(stone.get('why'))}"
    yield "its rows are gone; this is what its manifest says of it"


def _manifests(report: Mapping[str, Any]) -> Iterable[str]:
    rows = report["rows"] or {}
    yield f"rows         {rows.get('real', 0):,} real, {rows.get('generated', 0):,} generated"
    for row in report["label_sources"] or []:
        yield f"labels       {row['rows']:>7,}  {_told(row['label_source'])}"


def _audited(audited: Mapping[str, Any]) -> Iterable[str]:
    yield f"rows         {audited['real']:,} real, {audited['generated']:,} generated"
    for row in audited["by_generator"]:
        revision = f", revision {one_line(row['generator_revision'])}" if row.get("generator_revision") else ""
        digest = _told(row["generator_digest"])[:16]
        yield f"generator    {row['rows']:>7,}  {_told(row['generator_id'])}{revision}, digest {digest}"
    for row in audited["by_prompt"]:
        yield f"prompt       {row['rows']:>7,}  {_told(row['prompt_id'])}, sha256 {_told(row['prompt_sha256'])[:16]}"
    for row in audited["seeds"]:
        yield f"seeds        {row['rows']:>7,}  {row['first']} to {row['last']} of {_told(row['generator_id'])}"
    for row in audited["by_reviewer"]:
        who = _NOBODY if row["reviewer"] is None else f"{_told(row['reviewer'])}: {_told(row['review'])}"
        yield f"reviewed by  {row['rows']:>7,}  {who}"
    for row in audited["label_sources"]:
        yield f"label from   {row['rows']:>7,}  {_told(row['label_source'])}"
    if audited["unknown_origin"]:
        strangers = audited["unknown_origin"]
        yield f"UNKNOWN      {len(strangers):>7,}  came without provenance: {_first(strangers)}"
    if audited["incomplete"]:
        yield f"INCOMPLETE   {len(audited['incomplete']):>7,}  generated rows without a whole record"
        for row in audited["incomplete"][:_SHOWN]:
            yield f"             {_told(row['row_id'])[:16]}  without {', '.join(row['missing'])}"
    if audited["records_of_no_row"]:
        strays = audited["records_of_no_row"]
        yield f"STRAY        {len(strays):>7,}  records of rows that are not in it: {_first(strays)}"


def _first(row_ids: Sequence[str]) -> str:
    more = len(row_ids) - _SHOWN
    return f"{' '.join(_told(one)[:16] for one in row_ids[:_SHOWN])}{f' and {more:,} more' if more > 0 else ''}"


def _told(value: object) -> str:
    """What a folder says, which may have come from anywhere."""
    return one_line(str(value)) if value else "not recorded"

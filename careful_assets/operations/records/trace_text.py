"""What `careful trace` prints: a row's story as a tree for a terminal.

Belongs here: layout. Does not belong here: gathering (`trace`). Texts and prompts were generated or come from other
people's files: they are printed without control characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from careful_assets.operations.text import one_line

_PROMPT_LINES = 12
_FILE_STATES = {
    "unchanged": "the file is still that one",
    "changed": "the file was CHANGED since",
    "missing": "the file is not there any more",
    "unknown": "whether the file still is that one is not known",
}


def trace_text(story: Mapping[str, Any]) -> str:
    """The story of `trace.trace_row` as text."""
    branches = _generated(story) if story["origin"] == "generated" else _real(story)
    branches += [_exclusion(row) for row in story["exclusions"]]
    branches += [
        ("mix", [f"{mix['arm']} ({mix['mix_id']}), model {mix['model_digest'][:16]}"]) for mix in story["mixes"]
    ]
    branches += [("trained", [_trained(run)]) for run in story["training_runs"]]
    branches += [("release", [_release(one)]) for one in story["releases"]]
    if not story["releases"]:
        branches.append(("releases", ["none"]))
    earlier = " of an earlier generation" if story.get("earlier") else ""
    title = f"{story['row_id']}  {story['origin']} row of {story['dataset']}{earlier}"
    return "\n".join([title, *_tree(branches)])


def _tree(branches: Sequence[tuple[str, Sequence[str]]]) -> Iterable[str]:
    """Each branch's first line beside its name, and the others below it."""
    for number, (name, lines) in enumerate(branches, start=1):
        last = number == len(branches)
        yield f"{'└─' if last else '├─'} {name:<10} {lines[0] if lines else ''}".rstrip()
        yield from (f"{' ' if last else '│'}    {line}".rstrip() for line in lines[1:])


def _real(story: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    anchor, descendants = story["anchor"], story["descendants"]
    shown = [f"{row_id[:16]}" for row_id in descendants["row_ids"]]
    more = descendants["rows"] - len(shown)
    return [
        ("text", [one_line(anchor["text"])]),
        ("label", [anchor["label"]]),
        ("source", [f"{anchor['source']}, vintage {anchor['vintage']}, group {one_line(anchor['group_id'])}"]),
        ("split", [anchor["split"]]),
        ("made from", [f"{descendants['rows']:,} generated rows", *shown, *([f"and {more:,} more"] if more else [])]),
    ]


def _generated(story: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    candidate, label = story["candidate"], story["label"]
    branches = [
        ("text", [_text(candidate["text"])]),
        ("asked for", [f"{candidate['requested_label']}{_in_brackets(candidate['artifact_type'])}"]),
        *([_masked(candidate["personal_data"])] if candidate.get("personal_data") else []),
        *(_made(story) if story["inherited"] is None else _inherited(story)),
        *(_judged(story) if story["earlier"] is None else _admitted(story)),
        *(("vote", [_vote(row)]) for row in story["votes"]),
        *(("review", [_review(row)]) for row in story["reviews"]),
    ]
    if label is not None:
        confirmed = "" if label["confirmed"] else ", not confirmed"
        branches.append(("label", [f"{label['label']}, {label['label_source']}{confirmed}"]))
    if story["earlier"] is None:
        branches.append(("leak check", _leak_check(story)))
        branches += [
            (
                "LEAK",
                [f"{row['detector']}: sealed row {row['eval_row_digest'][:16]}, {one_line(row['evidence'] or '')}"],
            )
            for row in story["leaks"]
        ]
        branches += [("let in by", _let_in(story["released"]))] if story["released"] else []
    return branches


def _judged(story: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    decisions = story["decisions"]
    return [("gates", [_kept(decisions), *(line for row in decisions for line in _decision(row))])]


def _admitted(story: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """What is known of how a row came in that other candidates have taken the place of."""
    told = (
        f"votes and prompt from release {story['released']['version']}"
        if story["released"]
        else "votes and rendered prompt are gone: no folder of a release with the row can be read"
    )
    return [
        (
            "admitted",
            [
                f"{story['earlier']['recorded_at']}: kept, confirmed and not struck, before other candidates were made",
                "the gates' decisions are not kept; " + told,
            ],
        )
    ]


def _let_in(released: Mapping[str, Any]) -> list[str]:
    """What a release says of a row that would not be let in today."""
    votes = [one_line(str(vote)) for vote in released.get("votes") or ()]
    reviewed = released.get("reviewer") and _review({"label": None, **released, "decision": released.get("review")})
    source = one_line(str(released["label_source"]))
    return [
        f"release {released['version']}: label {one_line(released['label'])}, {source}",
        *(f"vote {vote}" for vote in votes),
        *([f"review {reviewed}"] if reviewed else []),
    ]


def _masked(kinds: Sequence[str]) -> tuple[str, list[str]]:
    return ("masked", [one_line(", ".join(kinds))])


def _vote(row: Mapping[str, Any]) -> str:
    return f"{one_line(row['judge'])}{_in_brackets(row['family'])}: {row['label']}"


def _in_brackets(word: str | None) -> str:
    return f" ({word})" if word else ""


def _text(text: str | None) -> str:
    return "(gone)" if text is None else one_line(text)


def _made(story: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """How a generator came to write the row."""
    candidate, request, prompt = story["candidate"], story["request"], story["prompt"]
    said = [one_line(one) for one in (request["answered_by"], request["fingerprint"]) if one]
    return [
        *([("ended by", [candidate["finish_reason"]])] if candidate["finish_reason"] else []),
        (
            "generator",
            [
                f"{request['generator_id']} ({request['generator_family']}), revision "
                f"{request['generator_revision'] or 'not named'}, digest {request['generator_digest'][:16]}"
            ],
        ),
        *([("answered by", [" ".join(said)])] if said else []),
        ("prompt", _prompt(prompt)),
        ("rendered", _rendered(request["rendered_prompt"])),
        ("seed", [f"{request['seed']} + {candidate['ordinal']}, parameters {one_line(request['params'])}"]),
        (
            "request",
            [
                f"{request['request_id'][:16]}, round {request['round']}"
                + (f", sent {request['requested_at']}" if request["requested_at"] else "")
                + (f", answered {request['answered_at']}" if request["answered_at"] else "")
            ],
        ),
        ("parents", [_counted(len(story["parents"]), "row"), *(_parent(row) for row in story["parents"])]),
        *([("learned", ["from every row that was an exemplar then"])] if story["fitted_to_exemplars"] else []),
    ]


def _inherited(story: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """A row that came in a file: nobody knows who wrote it, and with what."""
    lines = [
        f"line {row['line']:,} of {one_line(row['file_name'] or 'a file')}, sha256 {row['file_digest'][:16]}"
        for row in story["inherited"]
    ]
    origin = [f"{story['request']['generator_family']}: it came without provenance", *lines]
    return [("generator", origin), ("request", [f"{story['request']['request_id'][:16]}, round 0"])]


def _prompt(prompt: Mapping[str, Any]) -> list[str]:
    where = one_line(prompt["path"]) if prompt["path"] else "its file is not known"
    return [f"{prompt['prompt_id']}, sha256 {prompt['sha256'][:16]}", f"{where}: {_FILE_STATES[prompt['file']]}"]


def _rendered(text: str | None) -> list[str]:
    """The first lines of what was sent; all of it is in the JSON document."""
    if text is None:
        return ["(gone)"]
    lines = text.splitlines()
    more = len(lines) - _PROMPT_LINES
    shown = [f"  {one_line(line)}" for line in lines[:_PROMPT_LINES]]
    cut = [f"  ... {_counted(more, 'line')} more; --json has all of it"] if more > 0 else []
    return [f"{len(text):,} characters, {_counted(len(lines), 'line')}", *shown, *cut]


def _parent(row: Mapping[str, Any]) -> str:
    generated = ", generated" if row["origin"] == "generated" else ""
    return f"{row['row_id'][:16]}{generated}  {_text(row['text'])}"


def _kept(decisions: Sequence[Mapping[str, Any]]) -> str:
    if not decisions:
        return "none has judged it yet"
    refused = [row["gate"] for row in decisions if not row["passed"]]
    return f"refused by {', '.join(refused)}" if refused else f"kept by all {len(decisions)}"


def _decision(row: Mapping[str, Any]) -> list[str]:
    score = "" if row["score"] is None else f", score {row['score']:.3f}"
    threshold = "" if row["threshold"] is None else f", threshold {row['threshold']:g}"
    line = f"{'passed ' if row['passed'] else 'REFUSED'} {row['gate']} v{row['gate_version']}{score}{threshold}"
    if row["passed"] and row["reason"] is None:
        return [line]
    lines = [f"{line}: {row['reason']}"]
    if row["evidence"]:
        lines.append(f"        {one_line(row['evidence'])}")
    if row["matched_row_id"]:
        lines.append(f"        matches {row['matched_row_id'][:16]}: {one_line(row['matched_text'] or '(gone)')}")
    return lines


def _review(row: Mapping[str, Any]) -> str:
    label = f": {row['label']}" if row["label"] else ""
    return f"{one_line(row['reviewer'])} {row['decision']}{label}, {row['reviewed_at']}"


def _leak_check(story: Mapping[str, Any]) -> list[str]:
    check = story["leak_check"]
    if not check["detectors"]:
        return ["no detector has run"]
    if not check["of_these_candidates"]:
        return ["OUT OF DATE: the detectors ran on other candidates than there are now"]
    if not check["of_this_ruler"]:
        return ["OUT OF DATE: the detectors ran against other sealed sets than there are now"]
    found = {row["detector"] for row in story["leaks"]}
    return [", ".join(_detector(row, found) for row in check["detectors"])]


def _detector(row: Mapping[str, Any], found: set[str]) -> str:
    if not row["ran"]:
        return f"{row['detector']} v{row['version']} DID NOT RUN"
    verdict = "FOUND KIN" if row["detector"] in found else "found nothing"
    return f"{row['detector']} v{row['version']} {verdict} among {_counted(row['sealed_rows'], 'sealed row')}"


def _exclusion(row: Mapping[str, Any]) -> tuple[str, list[str]]:
    return ("EXCLUDED", [f"with all of {row['kind']} {one_line(row['item'])[:40]}: {one_line(row['reason'])}"])


def _trained(run: Mapping[str, Any]) -> str:
    made = f"{run['arm']} ({run['mix_id']}), model {run['model_digest'][:16]}, {run['trained_at']}"
    return f"{made}, sealed sets {run['registry_state'][:16]}"


def _release(release: Mapping[str, Any]) -> str:
    if release["status"] != "retired":
        return f"{release['version']} {release['status']}"
    return (
        f"{release['version']} RETIRED {release['retired_at']}: {one_line(release['retired_because'] or 'no reason')}"
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"

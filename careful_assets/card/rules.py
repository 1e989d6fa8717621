"""What keys of a card must hold together: rules over more than one key.

Belongs here: a rule that can be told from the card alone. Does not belong here: what one key may hold
(`models`), and what the gate profiles ask (`profiles`).

Rules read the card as plain values, as it was written, and say nothing where a key they need is missing or of
the wrong type: so they speak in the same go as the models' own faults, and no mistake is reported twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import PurePosixPath
from typing import Any

# A broken rule: the place that is to blame, and what is wrong there.
Broken = tuple[tuple[str | int, ...], str]
Values = Any


def broken_rules(card: Values) -> list[Broken]:
    """Every rule that a card, given as plain values, does not hold."""
    return [broken for rule in _RULES for broken in rule(card)]


def _gaps_are_gaps(card: Values) -> Iterator[Broken]:
    for index, gap in _entries(card, "purpose", "gap"):
        current, target = _number(gap, "current_count"), _number(gap, "target_count")
        if current is not None and target is not None and 0 <= target <= current:
            yield (
                ("purpose", "gap", index, "target_count"),
                f"{target} is not above current_count, {current}: no gap to fill; raise it, or drop this",
            )


def _gap_labels_are_known(card: Values) -> Iterator[Broken]:
    known = _texts(card, "anchors", "labels")
    for index, gap in _entries(card, "purpose", "gap"):
        label = _text(gap, "label")
        if label is not None and known and label not in known:
            yield (
                ("purpose", "gap", index, "label"),
                f"{label!r} is none of anchors.labels: {', '.join(known)}",
            )


def _nature_fits_use(card: Values) -> Iterator[Broken]:
    nature, use = _text(card, "purpose", "nature"), _text(card, "purpose", "use")
    if nature == "fabrication" and use in ("training", "evaluation"):
        yield (
            ("purpose", "nature"),
            f"fabrication is refused for {use}: rows that follow no measured distribution must not face "
            "reality; anchor the dataset and declare `nature: simulation`, or change the use",
        )
    if nature == "simulation" and _get(card, "purpose", "simulates") is None:
        yield (
            ("purpose", "nature"),
            "simulation needs `simulates`: the measured distribution that it draws from",
        )


def _use_is_allowed(card: Values) -> Iterator[Broken]:
    use, allowed = _text(card, "purpose", "use"), _texts(card, "use_limits", "allowed")
    if use is not None and allowed and use not in allowed:
        yield ("use_limits", "allowed"), f"does not name purpose.use, which is {use}"


def _limits_do_not_clash(card: Values) -> Iterator[Broken]:
    allowed = _texts(card, "use_limits", "allowed")
    for index, entry in _entries(card, "use_limits", "forbidden"):
        use = _text(entry, "use")
        if use is not None and use in allowed:
            yield ("use_limits", "forbidden", index, "use"), f"{use} is allowed and forbidden at once; decide"


def _split_is_whole(card: Values) -> Iterator[Broken]:
    parts = [_number(card, "anchors", "split", part) for part in ("exemplar", "train", "holdout", "vault")]
    shares = [part for part in parts if part is not None]
    if len(shares) == len(parts) and min(shares) > 0 and sum(shares) != 100:
        message = f"exemplar, train, holdout and vault add up to {sum(shares)}, not to 100 percent"
        yield ("anchors", "split"), message


def _enough_judges(card: Values) -> Iterator[Broken]:
    judges, confirmations = _get(card, "labeling", "judges"), _number(card, "labeling", "confirmations")
    if isinstance(judges, list) and confirmations is not None and 2 <= len(judges) < confirmations:
        yield (
            ("labeling", "confirmations"),
            f"{confirmations} confirmations need as many judges; {len(judges)} named",
        )


def _slices_can_hold_rows(card: Values) -> Iterator[Broken]:
    known = _texts(card, "anchors", "labels")
    for index, part in _entries(card, "evaluation", "slices"):
        place = ("evaluation", "slices", index)
        for position, label in enumerate(_get(part, "labels") or []):
            if isinstance(label, str) and known and label not in known:
                yield (*place, "labels", position), f"{label!r} is none of anchors.labels: {', '.join(known)}"
        low, high = _number(part, "min_tokens"), _number(part, "max_tokens")
        if low is not None and high is not None and 0 <= high < low:
            yield (*place, "max_tokens"), f"{high} is below min_tokens, {low}: no row can be in this slice"


def _review_comes_first(card: Values) -> Iterator[Broken]:
    review, retire = _get(card, "lifecycle", "review_by"), _get(card, "lifecycle", "retire_by")
    if type(review) is date and type(retire) is date and review > retire:
        yield ("lifecycle", "review_by"), f"{review} lies after retire_by, {retire}"


def _nothing_is_named_twice(card: Values) -> Iterator[Broken]:
    for path, key in _DISTINCT:
        seen: set[str] = set()
        for index, entry in enumerate(_list(card, *path)):
            name = entry if key is None else _get(entry, key)
            if not isinstance(name, str):
                continue
            place: tuple[str | int, ...] = (*path, index) if key is None else (*path, index, key)
            if name.strip() in seen:
                yield place, f"{name!r} is named a second time; keep one"
            seen.add(name.strip())


def _prompts_have_own_ids(card: Values) -> Iterator[Broken]:
    seen: dict[str, str] = {}
    for index, prompt in enumerate(_list(card, "generation", "prompts")):
        if isinstance(prompt, str):
            prompt_id = PurePosixPath(prompt).stem
            if prompt_id in seen and seen[prompt_id] != prompt:
                message = f"{prompt!r} and {seen[prompt_id]!r} share the prompt id {prompt_id!r}; rename a file"
                yield ("generation", "prompts", index), message
            seen.setdefault(prompt_id, prompt)


# Lists whose entries must differ, and the entries' key that tells them apart (None: the entry itself).
_DISTINCT: tuple[tuple[tuple[str, ...], str | None], ...] = (
    (("purpose", "gap"), "label"),
    (("anchors", "labels"), None),
    (("generation", "prompts"), None),
    (("filtering", "overrides"), "gate"),
    (("labeling", "judges"), None),
    (("evaluation", "slices"), "name"),
    (("use_limits", "allowed"), None),
    (("use_limits", "forbidden"), "use"),
)

_RULES: tuple[Callable[[Values], Iterator[Broken]], ...] = (
    _gaps_are_gaps, _gap_labels_are_known, _nature_fits_use, _use_is_allowed, _limits_do_not_clash,
    _split_is_whole, _enough_judges, _slices_can_hold_rows, _review_comes_first, _nothing_is_named_twice,
    _prompts_have_own_ids,
)  # fmt: skip


def _get(value: Values, *path: str) -> Values:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _list(value: Values, *path: str) -> list[Values]:
    found = _get(value, *path)
    return found if isinstance(found, list) else []


def _entries(value: Values, *path: str) -> Iterator[tuple[int, dict[str, Values]]]:
    return ((index, entry) for index, entry in enumerate(_list(value, *path)) if isinstance(entry, dict))


def _texts(value: Values, *path: str) -> list[str]:
    return [entry.strip() for entry in _list(value, *path) if isinstance(entry, str)]


def _text(value: Values, *path: str) -> str | None:
    found = _get(value, *path)
    return found.strip() if isinstance(found, str) else None


def _number(value: Values, *path: str) -> int | None:
    found = _get(value, *path)
    plain = isinstance(found, int) and not isinstance(found, bool)
    return found if plain and abs(found) <= 10**9 else None

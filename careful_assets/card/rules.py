"""What keys of a card must hold together: rules over more than one key.

Belongs here: a rule that can be told from the card alone. Does not belong here: what one key may hold (`models`),
what the purpose and generation ask (`purpose_rules`, `generation_rules`), and what the gate profiles ask (`profiles`).

Rules read the card as plain values, as it was written, and say nothing where a key they need is missing or of
the wrong type: so they speak in the same go as the models' own faults, and no mistake is reported twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import PurePosixPath

from careful_assets.card.evaluation_rules import EVALUATION_RULES
from careful_assets.card.generation_rules import GENERATION_RULES
from careful_assets.card.own_gates import own_gate_rules
from careful_assets.card.plain import Broken, Values, entries_at, integer_at, list_at, text_at, texts_at, value_at
from careful_assets.card.purpose_rules import PURPOSE_RULES

# A dataset's file is a catalog by its name: with a schema's name in it, or an engine's own, names would be ambiguous.
RESERVED = frozenset(
    (
        "anchors", "purpose", "generation", "filtering", "labeling", "evaluation", "training", "release", "monitoring",
        "retirement", "provenance", "sealed", "quarantine", "staged", "main", "temp", "system", "memory",
        "information_schema", "pg_catalog",
    )
)  # fmt: skip


def broken_rules(card: Values) -> list[Broken]:
    """Every rule that a card, given as plain values, does not hold."""
    return [broken for rule in (*PURPOSE_RULES, *GENERATION_RULES, *EVALUATION_RULES, *_RULES) for broken in rule(card)]


def _use_is_allowed(card: Values) -> Iterator[Broken]:
    use, allowed = text_at(card, "purpose", "use"), texts_at(card, "use_limits", "allowed")
    if use is not None and allowed and use not in allowed:
        yield ("use_limits", "allowed"), f"does not name purpose.use, which is {use}"


def _limits_do_not_clash(card: Values) -> Iterator[Broken]:
    allowed = texts_at(card, "use_limits", "allowed")
    for index, entry in entries_at(card, "use_limits", "forbidden"):
        use = text_at(entry, "use")
        if use is not None and use in allowed:
            yield ("use_limits", "forbidden", index, "use"), f"{use} is allowed and forbidden at once; decide"


def _one_database(card: Values) -> Iterator[Broken]:
    source = value_at(card, "anchors", "source")
    if text_at(source, "kind") != "sql":
        return
    named = [key for key in ("database", "url") if source.get(key) is not None]
    if len(named) == 2:
        yield (
            ("anchors", "source", "url"),
            "stands beside `database`, and a query goes to one of them; keep `database` for a file, `url` for a server",
        )
    if not named:
        yield (
            ("anchors", "source"),
            "needs `database`, a DuckDB or SQLite file, or `url`, the variable that holds a server's address; add one",
        )


def _files_travel_along(card: Values) -> Iterator[Broken]:
    named: list[tuple[tuple[str | int, ...], str | None]] = [
        (place, text_at(card, *place)) for place in (("anchors", "contract"), ("generation", "generator", "answers"))
    ]
    for index, entry in entries_at(card, "filtering", "own_gates"):
        named += [(("filtering", "own_gates", index, kind), text_at(entry, kind)) for kind in ("sql", "expectations")]
    for place, name in named:
        if name and leads_out(name):
            yield place, f"{name!r} leads out of the card's folder; move the file there, beside the card"


def leads_out(path: str) -> bool:
    """Whether a relative path that a card names leads out of the card's folder by its very words."""
    return PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts


def _attributes_are_other_columns(card: Values) -> Iterator[Broken]:
    columns = value_at(card, "anchors", "source", "columns")
    taken = {text_at(columns, role): role for role in ("text", "label", "key", "group")}
    for index, name in enumerate(list_at(columns, "attributes")):
        if isinstance(name, str) and (role := taken.get(name.strip())):
            yield (
                ("anchors", "source", "columns", "attributes", index),
                f"{name!r} is the {role} column; name columns that describe who or what a row is about, or drop it",
            )


def _split_is_whole(card: Values) -> Iterator[Broken]:
    parts = [integer_at(card, "anchors", "split", part) for part in ("exemplar", "train", "holdout", "vault")]
    shares = [part for part in parts if part is not None]
    if len(shares) == len(parts) and min(shares) > 0 and sum(shares) != 100:
        message = f"exemplar, train, holdout and vault add up to {sum(shares)}, not to 100 percent"
        yield ("anchors", "split"), message


def _enough_judges(card: Values) -> Iterator[Broken]:
    judges, confirmations = value_at(card, "labeling", "judges"), integer_at(card, "labeling", "confirmations")
    if isinstance(judges, list) and confirmations is not None and 2 <= len(judges) < confirmations:
        yield (
            ("labeling", "confirmations"),
            f"{confirmations} confirmations need as many judges; {len(judges)} named",
        )


def _name_is_free(card: Values) -> Iterator[Broken]:
    name = text_at(card, "name")
    if name in RESERVED:
        yield ("name",), f"{name!r} is a word of the platform's own tables; choose another name, and rename the folder"


def _slices_can_hold_rows(card: Values) -> Iterator[Broken]:
    known = texts_at(card, "anchors", "labels")
    for index, part in entries_at(card, "evaluation", "slices"):
        place = ("evaluation", "slices", index)
        for position, label in enumerate(list_at(part, "labels")):
            if isinstance(label, str) and known and label not in known:
                yield (*place, "labels", position), f"{label!r} is none of anchors.labels: {', '.join(known)}"
        low, high = integer_at(part, "min_tokens"), integer_at(part, "max_tokens")
        if low is not None and high is not None and 0 <= high < low:
            yield (*place, "max_tokens"), f"{high} is below min_tokens, {low}: no row can be in this slice"


def _review_comes_first(card: Values) -> Iterator[Broken]:
    review, retire = value_at(card, "lifecycle", "review_by"), value_at(card, "lifecycle", "retire_by")
    if type(review) is date and type(retire) is date and review > retire:
        yield ("lifecycle", "review_by"), f"{review} lies after retire_by, {retire}"


def _nothing_is_named_twice(card: Values) -> Iterator[Broken]:
    for path, key in _DISTINCT:
        seen: set[str] = set()
        for index, entry in enumerate(list_at(card, *path)):
            name = entry if key is None else value_at(entry, key)
            if not isinstance(name, str):
                continue
            place: tuple[str | int, ...] = (*path, index) if key is None else (*path, index, key)
            if name.strip() in seen:
                yield place, f"{name!r} is named a second time; keep one"
            seen.add(name.strip())


def _prompts_have_own_ids(card: Values) -> Iterator[Broken]:
    seen: dict[str, str] = {}
    for index, prompt in enumerate(list_at(card, "generation", "prompts")):
        if isinstance(prompt, str):
            prompt_id = PurePosixPath(prompt).stem
            if prompt_id in seen and seen[prompt_id] != prompt:
                message = f"{prompt!r} and {seen[prompt_id]!r} share the prompt id {prompt_id!r}; rename a file"
                yield ("generation", "prompts", index), message
            seen.setdefault(prompt_id, prompt)


# Lists whose entries must differ, and the entries' key that tells them apart (None: the entry itself).
_DISTINCT: tuple[tuple[tuple[str, ...], str | None], ...] = (
    (("purpose", "gap"), "label"),
    (("purpose", "simulates", "labels"), None),
    (("anchors", "labels"), None),
    (("anchors", "source", "columns", "attributes"), None),
    (("generation", "prompts"), None),
    (("filtering", "overrides"), "gate"),
    (("filtering", "own_gates"), "name"),
    (("labeling", "judges"), None),
    (("evaluation", "slices"), "name"),
    (("use_limits", "allowed"), None),
    (("use_limits", "forbidden"), "use"),
)

_RULES: tuple[Callable[[Values], Iterator[Broken]], ...] = (
    _use_is_allowed, _limits_do_not_clash, _one_database, _files_travel_along, _attributes_are_other_columns,
    _name_is_free, _split_is_whole, _enough_judges, _slices_can_hold_rows, _review_comes_first, _nothing_is_named_twice,
    _prompts_have_own_ids, own_gate_rules,
)  # fmt: skip

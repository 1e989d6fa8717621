"""How scores on synthetic sets can be wrong, and what else is right: check by check."""

from __future__ import annotations

from careful_assets_tests.life.damage import Accept, Arrangement, Break, sql

_STATE = "(select min(registry_state) from anchors.vault_counts)"


def _sealed(rows: int) -> str:
    return (
        "insert into anchors.evaluation_sets values"
        f" ('field', 'synthetic', {rows}, 'd', 'other', '1.0.0', 'd', {_STATE})"
    )


def _gap(arm: str, value: float, low: float, high: float) -> str:
    return (
        "insert into training.results values"
        f" ('{arm}', 'set:field', 'gap to field', {value}, {low}, {high}, 700, 0, '{{}}', {_STATE})"
    )


def _gaps(value: float, low: float, high: float) -> Arrangement:
    return sql(_sealed(200), _gap("real only", 0.0, -0.04, 0.04), _gap("mix", value, low, high))


BREAKS: dict[tuple[str, str], list[Break]] = {
    ("training", "synthetic_ruler_agrees"): [
        Break("easier than the real rows", r"field, mix: -0\.080 \(-0\.120 to -0\.040\)", _gaps(-0.08, -0.12, -0.04)),
        Break("harder than the real rows", r"field, mix: \+0\.300", _gaps(0.3, 0.2, 0.4)),
        Break("a set that was never scored", "no gap on record for the set field", sql(_sealed(200))),
        Break(
            "a set that one arm was never scored on",
            "no gap on record for the set field",
            sql(_sealed(10), _gap("real only", 0.0, -0.04, 0.04)),
        ),
    ],
}

ACCEPTS: dict[tuple[str, str], list[Accept]] = {
    ("training", "synthetic_ruler_agrees"): [
        Accept("another accuracy, by no more than chance", _gaps(0.08, -0.01, 0.17)),
        Accept("another accuracy for certain, by a hair", _gaps(0.05, 0.04, 0.06)),
        Accept("a set too small to be scored", sql(_sealed(9))),
    ],
}

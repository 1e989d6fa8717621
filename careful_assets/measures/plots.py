"""Small pictures for the asset pages, as SVG bytes without a title: the page names them.

Kept spare on purpose. Dagster's UI shows a picture in place only if its address has fewer than 1,000 characters, and
hides a larger one behind a link; the event log, which keeps every picture for good, stays small, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

_ROW = 18  # pixels a row
_STRIP = 34  # pixels of a row that holds a curve
_WIDTH = 260  # pixels of the longest bar, or of the scale from 0 to 1
_COLORS = ("#777", "#c52", "#36a", "#274")


def bars(names: Sequence[str], values: Sequence[float]) -> bytes:
    """Horizontal bars, the first on top, each with its name and number before it."""
    labels = [f"{name} {value:,.0f}" for name, value in zip(names, values, strict=True)]
    left, longest = _room_for(labels), max([*values, 1])
    path = "".join(f"M{left} {_middle(row)}h{round(_WIDTH * value / longest)}" for row, value in enumerate(values))
    parts = [_text(0, _middle(row) + 4, label) for row, label in enumerate(labels)]
    return _svg(left + _WIDTH, _ROW * len(names), [f"<path stroke='#36a' stroke-width='11' d='{path}'/>", *parts])


def intervals(names: Sequence[str], arms: Sequence[tuple[str, Sequence[tuple[float, float, float] | None]]]) -> bytes:
    """Points with their intervals (value, low, high) on a scale from 0 to 1, one colour an arm; None leaves a gap."""
    left, bottom = _room_for(names), _ROW * (len(names) + 1)
    parts = [
        f"<path stroke='#ccc' d='{''.join(f'M{left + _WIDTH * tick // 2} {_ROW}V{bottom}' for tick in range(3))}'/>",
        *(_text(left + _WIDTH * tick // 2 - 3, bottom + 13, label) for tick, label in enumerate(("0", ".5", "1"))),
        *(_text(0, _middle(row + 1) + 4, name) for row, name in enumerate(names)),
    ]
    legend = left
    for index, (arm, points) in enumerate(arms):
        color = _COLORS[index % len(_COLORS)]
        offset = round((index - (len(arms) - 1) / 2) * 5)
        path = "".join(_interval(left, _middle(row + 1) + offset, point) for row, point in enumerate(points) if point)
        parts += [f"<path stroke='{color}' stroke-width='2' d='{path}'/>", _text(legend, 12, arm, color)]
        legend += 8 * len(arm) + 16
    return _svg(left + _WIDTH + 12, bottom + _ROW, parts)


def strips(names: Sequence[str], arms: Sequence[tuple[str, Sequence[Sequence[tuple[float, float]]]]]) -> bytes:
    """Curves (x, y) on scales from 0 to 1, one strip a name and one colour an arm; one without points is left out."""
    left, bottom = _room_for(names), _ROW + _STRIP * len(names)
    floors = "".join(f"M{left} {_floor(row)}h{_WIDTH}" for row in range(len(names)))
    parts = [
        f"<path stroke='#ccc' d='{floors}'/>",
        *(_text(left + _WIDTH * tick // 2 - 3, bottom + 13, label) for tick, label in enumerate(("0", ".5", "1"))),
        *(_text(0, _floor(row) - 8, name) for row, name in enumerate(names)),
    ]
    legend = left
    for index, (arm, curves) in enumerate(arms):
        color = _COLORS[1 + index % (len(_COLORS) - 1)]
        path = "".join(_curve(left, _floor(row), curve) for row, curve in enumerate(curves))
        parts += [f"<path stroke='{color}' fill='none' d='{path}'/>", _text(legend, 12, arm, color)]
        legend += 8 * len(arm) + 16
    return _svg(left + _WIDTH + 12, bottom + _ROW, parts)


def _curve(left: int, floor: int, curve: Sequence[tuple[float, float]]) -> str:
    points = [f"{left + round(_WIDTH * x)} {floor - round((_STRIP - 6) * y)}" for x, y in curve]
    return f"M{'L'.join(points)}" if points else ""


def _floor(row: int) -> int:
    return _ROW + _STRIP * (row + 1)


def _interval(left: int, height: int, point: tuple[float, float, float]) -> str:
    value, low, high = (left + round(_WIDTH * number) for number in point)
    return f"M{low} {height}H{high}M{value} {height - 3}v6"


def _room_for(names: Sequence[str]) -> int:
    return 12 + 7 * max((len(name) for name in names), default=0)


def _middle(row: int) -> int:
    return _ROW * row + _ROW // 2


def _text(left: int, baseline: int, text: str, color: str | None = None) -> str:
    where = f" x='{left}'" if left else ""
    fill = f" fill='{color}'" if color else ""
    return f"<text{where} y='{baseline}'{fill}>{escape(text)}</text>"


def _svg(width: int, height: int, parts: Sequence[str]) -> bytes:
    size = f"width='{width}' height='{height}'"
    style = "style='background:#fff;font:12px sans-serif'"  # legible in a dark page, too
    return "".join([f"<svg xmlns='http://www.w3.org/2000/svg' {size} {style}>", *parts, "</svg>"]).encode()

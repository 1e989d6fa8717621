"""Small pictures for the asset pages, as PNG bytes. Kept small: they are stored in the event log."""

from __future__ import annotations

import io
from collections.abc import Sequence


def bars(title: str, names: Sequence[str], values: Sequence[float]) -> bytes:
    """Horizontal bars, the first on top, each with its number."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 0.5 + 0.32 * len(names)), dpi=90, layout="constrained")
    axes = figure.subplots()
    drawn = axes.barh(range(len(names)), list(values), color="#3b6ea5")
    axes.bar_label(drawn, fmt="{:,.0f}", padding=3, fontsize=8)
    axes.set_yticks(range(len(names)), list(names), fontsize=8)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=9, loc="left")
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    axes.margins(x=0.12)
    return _png(figure)


def intervals(
    title: str, names: Sequence[str], arms: Sequence[tuple[str, Sequence[tuple[float, float, float] | None]]]
) -> bytes:
    """Points with their intervals (value, low, high), one colour an arm; None leaves a gap."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 0.8 + 0.36 * len(names)), dpi=90, layout="constrained")
    axes = figure.subplots()
    for index, (arm, points) in enumerate(arms):
        offset = (index - (len(arms) - 1) / 2) * 0.22
        drawn = [(row + offset, point) for row, point in enumerate(points) if point is not None]
        heights = [row for row, _ in drawn]
        values = [point[0] for _, point in drawn]
        spread = [[point[0] - point[1] for _, point in drawn], [point[2] - point[0] for _, point in drawn]]
        color = ("#8a8a8a", "#c8553d")[index % 2]
        axes.errorbar(values, heights, xerr=spread, fmt="o", markersize=4, capsize=2, label=arm, color=color)
    axes.set_yticks(range(len(names)), list(names), fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_title(title, fontsize=9, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, loc="best", frameon=False)
    return _png(figure)


def _png(figure: object) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")  # type: ignore[attr-defined]
    return buffer.getvalue()

"""The lineage graph as a small picture for an asset's page: the stages from top to bottom, with counts.

Kept spare on purpose: the UI shows a picture in place only if its address has fewer than 1,000 characters (see
`measures.plots`). So every line is a few words, lines are one path, and large counts are rounded; the whole truth is
on the HTML page (`page`).
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from careful_assets.provenance.lineage.nodes import Graph
from careful_assets.provenance.stages import STAGES

_ROW = 17  # pixels a line
_SPINE, _VAULT = -10, -22  # where the stages' line runs, and to its left the vault's
_LEFT, _WIDTH = 30, 260
_EXACT = 100_000  # counts below it are told to the row
_UNITS = ((10**9, "bn"), (10**6, "M"), (10**3, "k"))


def picture(graph: Graph, own: str) -> bytes:
    """SVG in which the stage `own` stands out, and what is stale or was never made is pale."""
    lines = [(stage, f"{stage} {said}".rstrip()) for stage, said in _said(graph).items()]
    lines.insert(1, ("vault", f"vault {short(graph.rows('anchors', 'vault'))}"))
    lines.insert(3, ("makers", _makers(graph)))
    rows = {name: _ROW * place + 9 for place, (name, _) in enumerate(lines)}
    pale = next((name for name, _ in lines if name in STAGES and graph.node(name).state != "current"), None)
    words = []
    for name, line in lines:
        if name == pale:
            words.append("<g opacity='.5'>")
        bold = " font-weight='700'" if name == own else ""
        words.append(f"<text y='{rows[name] + 4}'{bold}>{escape(line)}</text>")
    size = f"width='{_WIDTH}' height='{_ROW * len(lines)}' viewBox='-{_LEFT} 0 {_WIDTH} {_ROW * len(lines)}'"
    style = "style='background:#fff;font:12px arial'"  # legible in a dark page, too
    return "".join(
        [
            f"<svg xmlns='http://www.w3.org/2000/svg' {size} {style}>",
            f"<path stroke='#36a' stroke-width='2' d='{_lines(rows, own)}'/>",
            *words,
            "</g>" if pale else "",
            "</svg>",
        ]
    ).encode()


def short(count: int | None) -> str:
    """A count in at most seven characters: exact below 100,000, else in three digits and a unit."""
    if count is None:
        return "–"
    if count < _EXACT:
        return f"{count:,}"
    size, unit = next(one for one in _UNITS if count >= one[0])
    return f"{count / size:.3g}{unit}" if count / size < 999.5 else f"{count / size:.0f}{unit}"


def _said(graph: Graph) -> dict[str, str]:
    """What stands beside each stage's name; nothing of a stage that was never made."""
    rows, ready = graph.rows, {node.id: short(node.rows) for node in graph.of_kind("stage")}
    releases = graph.of_kind("release")
    retired = sum(node.state == "retired" for node in releases)
    told = {
        "anchors": short(rows("source", "anchors")),
        "purpose": f"{ready['purpose']} wanted",
        "generation": ready["generation"],
        "filtering": f"{ready['filtering']} kept, {short(rows('filtering', 'refused'))} not",
        "labeling": f"{ready['labeling']} confirmed",
        "evaluation": f"{short(rows('evaluation', 'struck'))} struck",
        "training": f"{short(rows('anchors', 'training'))} + {short(rows('evaluation', 'training'))}",
        "release": f"{short(releases[-1].rows)} rows" if releases else "",
        "monitoring": "",
        "retirement": f"{retired} retired",
    }
    return {stage: told[stage] if graph.node(stage).state != "absent" else "" for stage in STAGES}


def _makers(graph: Graph) -> str:
    prompts, generators = len(graph.of_kind("prompt")), len(graph.of_kind("generator"))
    return f"{prompts} prompt{'s' * (prompts != 1)}, {generators} generator{'s' * (generators != 1)}"


def _lines(rows: dict[str, int], own: str) -> str:
    """The stages' line, the vault's from anchors to where it is asked, the makers' into generation, a mark at `own`.

    In straight pieces: what has corners would be filled.
    """
    end = rows["training"] - _ROW
    vault = f"M{_SPINE} {rows['anchors']}L{_VAULT} {rows['vault']}M{_VAULT} {rows['vault']}V{end}"
    asked = "".join(f"M{_VAULT} {rows[stage] - _ROW}L{_SPINE} {rows[stage]}" for stage in ("evaluation", "training"))
    makers = f"M{_SPINE + 8} {rows['makers']}L{_SPINE} {rows['generation']}"
    mark = f"M{_SPINE - 5} {rows[own]}h11"
    return f"M{_SPINE} {rows['anchors']}V{rows['retirement']}{vault}{asked}{makers}{mark}"

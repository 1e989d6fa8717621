"""The lineage graph as one large SVG: stages down the middle, what feeds them on the left, what leaves on the right.

Belongs here: where things stand and how lines run. Colours and type are the page's (`page`), by class names. Every
name is hostile text: it goes through `clean` and `escape`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from xml.sax.saxutils import escape

from careful_assets.provenance.lineage.nodes import Edge, Graph, Node
from careful_assets.provenance.lineage.widths import cut, width_of
from careful_assets.provenance.stages import STAGES

WIDTH = 1040
_LEFT, _MIDDLE, _RIGHT = 0, 410, 830  # where the columns begin, in pixels
_BOX = 210  # a box's width
_TALL, _SMALL = 54, 44  # a box's height: a stage's at least, any other's
_ROOM = 126  # beside a stage, for the words on its lines: lanes begin beyond it
_LANE, _PORT, _GAP, _STACK = 16, 30, 46, 12
_ARROW = "m-7 -4l7 4 -7 4"
_NEAR = 0.8  # of its room: from here on a text's width is not left to the font
_MOST = 5  # boxes of a kind; the rest are counted in one more
_PAD = 14  # left and right of a box's words
_NAME, _FACT = 14, 12  # sizes of type, in pixels, as the page has them
_SIDES = {"source": "anchors", "prompt": "generation", "generator": "generation", "inherited": "generation"}
_EXITS = {"mix": "training", "release": "release"}
_ASIDE = {"refused": "filtering", "unconfirmed": "labeling", "struck": "evaluation", "vault": "anchors"}
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@dataclass(frozen=True)
class _Box:
    """A node and where it stands."""

    node: Node
    x: int
    y: int
    height: int

    @property
    def middle(self) -> int:
        return self.y + self.height // 2


@dataclass(frozen=True)
class _Line:
    """An edge, its path, and where its words stand."""

    edge: Edge
    route: str
    x: int
    y: int
    anchor: str

    def path(self) -> str:
        said = self._said() or "depends on it, takes no rows"
        title = clean(f"{self.edge.tail} → {self.edge.head}: {said}")
        return f"<g class='edge {self._kind()}'><title>{title}</title><path d='{self.route}'/></g>"

    def words(self) -> str:
        if self.edge.rows is None:
            return ""
        place = f"x='{self.x}' y='{self.y}' text-anchor='{self.anchor}'"
        return f"<g class='edge {self._kind()}'><text {place}>{clean(self._said())}</text></g>"

    def _said(self) -> str:
        return "" if self.edge.rows is None else f"{self.edge.rows:,} {self.edge.what}"

    def _kind(self) -> str:
        return "empty" if self.edge.rows == 0 else self.edge.origin or "none"


@dataclass
class _Row:
    """A stage with what stands beside it: the nodes to its left and right, and the lines that arrive or leave there."""

    stage: Node
    left: list[Node] = field(default_factory=list)
    right: list[Node] = field(default_factory=list)
    left_ports: list[str] = field(default_factory=list)
    right_ports: list[str] = field(default_factory=list)

    @property
    def own_height(self) -> int:
        """Of the stage's box: all of its lines must find room for their words."""
        return max(_TALL, _PORT * max(len(self.left_ports), len(self.right_ports)) + 24)

    @property
    def height(self) -> int:
        beside = max(len(self.left), len(self.right))
        return max(self.own_height, beside * (_SMALL + _STACK) - _STACK)


def clean(text: str) -> str:
    """The text without characters that cannot be seen or turn others around, escaped."""
    return escape(_seen(text), {"'": "&#39;", '"': "&quot;"})


def _seen(text: str) -> str:
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(one) in _UNSEEN else one for one in text)


def folded(graph: Graph) -> Graph:
    """The graph with at most `_MOST` nodes of a kind beside the stages; of releases the newest, of others the first.

    The rest become one node that says how many they are; its edges bear their rows together.
    """
    instead: dict[str, str] = {}
    nodes = []
    for kind in dict.fromkeys(node.kind for node in graph.nodes):
        alike = graph.of_kind(kind)
        if kind != "stage" and len(alike) > _MOST:
            rest = alike[: 1 - _MOST] if kind == "release" else alike[_MOST - 1 :]
            name = f"{len(rest)} {'earlier ' if kind == 'release' else 'more '}{kind}{'es' if kind == 'mix' else 's'}"
            more = Node(f"{kind}:more", kind, name, sum(node.rows or 0 for node in rest))
            instead |= {node.id: more.id for node in rest}
            alike = [node for node in alike if node.id not in instead]
            alike = [more, *alike] if kind == "release" else [*alike, more]
        nodes += alike
    kept = [edge for edge in graph.edges if not {edge.tail, edge.head} & instead.keys()]
    merged: dict[tuple[str, str], Edge] = {}
    for edge in (edge for edge in graph.edges if edge not in kept):
        ends = instead.get(edge.tail, edge.tail), instead.get(edge.head, edge.head)
        before = merged[ends].rows if ends in merged else None
        rows = None if (before, edge.rows) == (None, None) else (before or 0) + (edge.rows or 0)
        merged[ends] = Edge(*ends, edge.what, rows, edge.origin)
    edges = (*kept, *merged.values())
    return Graph(graph.dataset, graph.title, tuple(nodes), edges, graph.erasures, graph.as_of)


def drawn(edges: Sequence[Edge]) -> list[Edge]:
    """The edges that are drawn: rows flow over them, or no way round them says the same."""
    steps = set(pairwise(STAGES))
    return [edge for edge in edges if edge.rows is not None or not _between_stages(edge) or _ends(edge) in steps]


def chart(whole: Graph) -> str:
    """The SVG element; its classes are `box`, `edge`, the kinds, states and origins of `nodes`."""
    graph = folded(whole)
    edges = drawn(graph.edges)
    rows = _rows(graph, edges)
    boxes: dict[str, _Box] = {}
    top = 8
    for row in rows.values():
        middle = top + row.height // 2
        boxes[row.stage.id] = _Box(row.stage, _MIDDLE, middle - row.own_height // 2, row.own_height)
        for nodes, x in ((row.left, _LEFT), (row.right, _RIGHT)):
            y = middle - (len(nodes) * (_SMALL + _STACK) - _STACK) // 2
            for place, node in enumerate(nodes):
                boxes[node.id] = _Box(node, x, y + place * (_SMALL + _STACK), _SMALL)
        top += row.height + _GAP
    lanes = _lanes([edge for edge in edges if _is_bypass(edge)])
    lines = [_line(edge, boxes, rows, lanes) for edge in sorted(edges, key=lambda edge: edge.rows is not None)]
    height = top - _GAP + 8
    # Words last: they stand on top of the lines that pass behind them.
    parts = [*(line.path() for line in lines), *map(_shape, boxes.values()), *(line.words() for line in lines)]
    size = f"width='{WIDTH}' height='{height}' viewBox='0 0 {WIDTH} {height}'"
    return f"<svg {size} role='img' aria-label='lineage of {clean(graph.dataset)}'>{''.join(parts)}</svg>"


def _rows(graph: Graph, edges: Sequence[Edge]) -> dict[str, _Row]:
    rows = {node.id: _Row(node) for node in graph.of_kind("stage")}
    for node in graph.nodes:
        if node.kind in _SIDES:
            rows[_SIDES[node.kind]].left.append(node)
        elif node.kind != "stage":
            rows[_EXITS.get(node.kind) or _ASIDE[node.id]].right.append(node)
    for edge in edges:
        if _is_bypass(edge):
            rows[edge.head].left_ports.insert(0, edge.tail)
        elif edge.tail == "vault":
            rows[edge.head].right_ports.insert(0, edge.tail)
        elif edge.head not in rows:
            rows[edge.tail].right_ports.append(edge.head)
        elif edge.tail not in rows:
            rows[edge.head].left_ports.append(edge.tail)
    return rows


def _ends(edge: Edge) -> tuple[str, str]:
    return edge.tail, edge.head


def _between_stages(edge: Edge) -> bool:
    return edge.tail in STAGES and edge.head in STAGES


def _is_bypass(edge: Edge) -> bool:
    """Whether it leads from one stage to another that is not the next one."""
    return _between_stages(edge) and _ends(edge) not in set(pairwise(STAGES))


def _lanes(bypasses: Sequence[Edge]) -> dict[tuple[str, str], int]:
    """By edge the lane it runs in, 0 nearest to the stages: the shorter the nearer, so that few lines cross."""
    spans = {(edge.tail, edge.head): (STAGES.index(edge.tail), STAGES.index(edge.head)) for edge in bypasses}
    lanes: dict[tuple[str, str], int] = {}
    for ends, (first, last) in sorted(spans.items(), key=lambda item: (item[1][1] - item[1][0], item[1])):
        taken = {lanes[other] for other in lanes if spans[other][0] < last and first < spans[other][1]}
        lanes[ends] = next(lane for lane in range(len(spans)) if lane not in taken)
    return lanes


def _line(edge: Edge, boxes: dict[str, _Box], rows: dict[str, _Row], lanes: dict[tuple[str, str], int]) -> _Line:
    tail, head = boxes[edge.tail], boxes[edge.head]
    right = _MIDDLE + _BOX
    if _is_bypass(edge):
        x, y = _MIDDLE - _ROOM - _LANE * lanes[_ends(edge)], _port(head, rows[edge.head].left_ports, edge.tail)
        down = f"M{_MIDDLE} {tail.y + tail.height - 10}H{x + 8}q-8 0 -8 8V{y - 8}q0 8 8 8"
        return _Line(edge, f"{down}H{_MIDDLE}{_ARROW}", _MIDDLE - 12, y - 5, "end")
    if edge.tail == "vault":
        # The stage farther down has its lane farther out.
        x = right + _ROOM + _LANE * (STAGES.index(edge.head) - STAGES.index("evaluation"))
        y = _port(head, rows[edge.head].right_ports, edge.tail)
        down = f"M{_RIGHT} {tail.y + _SMALL - 10}H{x + 8}q-8 0 -8 8V{y - 8}q0 8 -8 8"
        return _Line(edge, f"{down}H{right}m7 -4l-7 4 7 4", right + 12, y - 5, "start")
    if edge.head not in rows:
        y, turn, bend = _port(tail, rows[edge.tail].right_ports, edge.head), right + _ROOM, _RIGHT - 50
        path = f"M{right} {y}H{turn}C{_RIGHT - 30} {y} {bend} {head.middle} {_RIGHT} {head.middle}{_ARROW}"
        return _Line(edge, path, right + 12, y - 5, "start")
    if edge.tail not in rows:
        y, end, turn = _port(head, rows[edge.head].left_ports, edge.tail), _LEFT + _BOX, _MIDDLE - _ROOM
        path = f"M{end} {tail.middle}C{end + 50} {tail.middle} {turn - 50} {y} {turn} {y}H{_MIDDLE}{_ARROW}"
        return _Line(edge, path, _MIDDLE - 12, y - 5, "end")
    x, start = _MIDDLE + _BOX // 2, tail.y + tail.height
    return _Line(edge, f"M{x} {start}V{head.y}m-4 -7l4 7 4 -7", x + 10, (start + head.y) // 2 + 4, "start")


def _port(box: _Box, ports: Sequence[str], other: str) -> int:
    """At which height the line to or from `other` meets the box."""
    return box.middle + round(_PORT * (ports.index(other) - (len(ports) - 1) / 2)) - 2


def _shape(box: _Box) -> str:
    node = box.node
    facts = "\n".join(f"{name}: {value}" for name, value in node.facts.items() if value != "")
    title = "\n".join(clean(line) for line in f"{node.kind} {node.name}\n{facts}".strip().splitlines())
    middle = box.middle
    return (
        f"<g class='box {node.kind} {node.state}'><title>{title}</title>"
        f"<rect x='{box.x + 1}' y='{box.y}' width='{_BOX - 2}' height='{box.height}' rx='6'/>"
        f"{_fitted(node.name, box.x + _PAD, middle - 3, 'name', _NAME)}"
        f"{_fitted(said_of(node), box.x + _PAD, middle + 14, 'fact', _FACT)}</g>"
    )


def _fitted(text: str, x: int, y: int, kind: str, size: int) -> str:
    """As much of the text as the box has room for; whatever the reader's font, what comes near the end stays inside."""
    room = _BOX - 2 * _PAD
    shown = cut(_seen(text), room / size)
    width = width_of(shown) * size
    held = f" textLength='{width:.0f}' lengthAdjust='spacingAndGlyphs'" if width > _NEAR * room else ""
    return f"<text x='{x}' y='{y}' class='{kind}'{held}>{clean(shown)}</text>"


def said_of(node: Node) -> str:
    """What stands below a node's name: for a stage its checks, else what it is and how many rows it holds."""
    if node.kind == "stage":
        if node.state == "absent":
            return "not made yet"
        passed, failed, missing = (int(node.facts[f"checks {how}"]) for how in ("passed", "failed", "never ran"))
        checks = (
            [f"{passed} checks passed"] + [f"{failed} failed"] * bool(failed) + [f"{missing} to run"] * bool(missing)
        )
        return ", ".join((["stale"] if node.state == "stale" else []) + checks)
    rows = "" if node.rows is None else f"{node.rows:,} rows"
    what = {
        "release": f"release, {node.facts.get('status', '')}".rstrip(", "),
        "aside": "kept aside",
        "mix": "training mix",
    }
    return ", ".join(filter(None, [what.get(node.kind, node.kind), rows, "not used yet" * (node.state == "absent")]))

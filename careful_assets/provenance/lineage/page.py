"""The lineage graph as one HTML file: the chart, and tables of all that it says; no script, nothing from elsewhere.

Belongs here: words, tables and style. Does not belong here: where lines run (`chart`). It parses as XML, too, prints
on paper, follows the reader's light or dark, and holds no row's text. All names in it are hostile text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from careful_assets.provenance.lineage.chart import chart, clean, said_of
from careful_assets.provenance.lineage.columns import column_lineage
from careful_assets.provenance.lineage.nodes import Graph, Kind, Node
from careful_assets.warehouse.home import Home, write_whole

# The tables below the chart: the heading of each, and the kinds of nodes in it.
_TABLES: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    ("Stages", ("stage",)),
    ("Releases", ("release",)),
    ("Training mixes", ("mix",)),
    ("Prompts", ("prompt",)),
    ("Generators", ("generator",)),
    ("Anchors", ("source",)),
    ("Vault", ("vault",)),
    ("Inherited files", ("inherited",)),
)
_NAMED = {"mix": "arm", "vault": "store", "inherited": "store"}
_RELEASED = "release.rows"
_WHOLE = 40  # letters of a cell that stay on one line
_ALIGNED = {True: "number", False: "text"}
_LEGEND = {
    "real": "real rows",
    "generated": "generated rows",
    "both": "both",
    "sealed": "sealed rows, which stay in the vault",
    "none": "depends on",
}
_STYLE = """\
:root{--paper:#fff;--ink:#1c2430;--soft:#5d6877;--line:#d5dae1;--box:#f6f8fa;--real:#2563a8;--generated:#c2510c;
--both:#6b4c9a;--sealed:#3f7d4e;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--paper:#12161c;--ink:#e6eaf0;--soft:#9aa5b4;--line:#36404d;--box:#1c232c;
--real:#78aef0;--generated:#f0935a;--both:#b79ae8;--sealed:#7cc48d;--bad:#ff8a80}}
body{margin:2rem auto;max-width:1040px;padding:0 1rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}
h1{margin:0;font-size:1.6rem;overflow-wrap:anywhere}h2{margin:2.2rem 0 .5rem;font-size:1.1rem}
p{margin:.3rem 0;color:var(--soft);overflow-wrap:anywhere}bdi{unicode-bidi:isolate}
.told{margin:1.2rem 0 1.6rem;font-size:1.1rem;color:var(--ink)}
.legend span{display:inline-block;margin-right:1.4rem}
.legend i{display:inline-block;width:1.6rem;height:3px;margin-right:.45rem;vertical-align:middle;
background:currentColor}
svg{display:block;margin:1.4rem 0;font:13px system-ui,sans-serif}
svg text{fill:var(--ink)}.box rect{fill:var(--box);stroke:var(--line);stroke-width:1.2}
.box .name{font-weight:600;font-size:14px}.box .fact{fill:var(--soft);font-size:12px}
.stage rect{stroke:var(--soft)}.aside rect,.prompt rect,.generator rect,.source rect{fill:var(--paper)}
.vault rect{stroke:var(--sealed);stroke-width:2}.release rect{stroke:var(--both);stroke-width:2}
.box.absent,.box.retired{opacity:.45}.box.absent rect,.box.stale rect,.box.retired rect{stroke-dasharray:5 4}
.box.stale .fact{fill:var(--bad)}
.edge path{fill:none;stroke:currentColor;stroke-width:1.8;stroke-linejoin:round}
.edge text{fill:currentColor;font-size:12px;paint-order:stroke;stroke:var(--paper);stroke-width:4px}
.real{color:var(--real)}.generated{color:var(--generated)}.both{color:var(--both)}.sealed{color:var(--sealed)}
.none,.empty{color:var(--soft)}.edge.none path,.edge.empty path{stroke-width:1.2;opacity:.7}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13px}
th,td{padding:.35rem 1.6rem .35rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{color:var(--soft);font-weight:600;white-space:nowrap}td{max-width:34rem}
.whole{white-space:nowrap}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font:12px ui-monospace,monospace}
@media print{body{margin:0;max-width:none;font-size:11px}svg{width:100%;height:auto;max-height:22cm}
tr,svg{break-inside:avoid}.scroll{overflow:visible}td{overflow-wrap:anywhere}}
"""


def page_of(graph: Graph) -> str:
    """The whole page."""
    name = f"{clean(graph.dataset)}: lineage"
    legend = "".join(f"<span class='{kind}'><i></i>{words}</span>" for kind, words in _LEGEND.items())
    return "\n".join(
        [
            "<!DOCTYPE html>",
            "<html lang='en'><head><meta charset='utf-8'/>",
            "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\"/>",
            "<meta name='viewport' content='width=device-width'/>",
            f"<title>{name}</title><style>{_STYLE}</style></head><body>",
            f"<h1><bdi>{clean(graph.title)}</bdi></h1>",
            f"<p>{clean(_dated(graph))}</p>",
            f"<p class='told'>{clean(told(graph))}</p>",
            f"<p class='legend'>{legend}</p>",
            f"<div class='scroll'>{chart(graph)}</div>",
            *_tables(graph),
            "</body></html>\n",
        ]
    )


def write_page(graph: Graph, home: Home) -> Path:
    """Write the page to `lineage/<dataset>.html` under CAREFUL_HOME, whole or not at all, and return where.

    Raises:
        HomeUnusable: it cannot be written; the page of before stands.
    """
    path = home.lineage / f"{graph.dataset}.html"
    write_whole(path, page_of(graph))
    return path


def told(graph: Graph) -> str:
    """The graph in one or two sentences: what the newest release holds, and what was erased."""
    said = [_released(graph.of_kind("release"))]
    erased, unfinished = graph.erasures
    if erased:
        said.append(f"Erasures on record: {erased}, of these {unfinished} not finished.")
    return " ".join(said)


def _released(releases: Sequence[Node]) -> str:
    if not releases:
        return "Nothing was released yet."
    newest = releases[-1]
    rows, generated = int(newest.facts["rows"]), int(newest.facts["generated"])
    share = f" ({generated / rows:.1%})" if rows else ""
    retired = sum(node.state == "retired" for node in releases)
    return (
        f"Release {newest.name}, {newest.facts['status']}, has {rows:,} rows, and {generated:,} of them{share} were "
        f"generated. {retired} of {len(releases)} releases are retired."
    )


def _dated(graph: Graph) -> str:
    when = "nothing was made yet" if graph.as_of is None else f"as of {graph.as_of:%Y-%m-%d %H:%M:%S} UTC"
    return f"Lineage of {graph.dataset}, {when}. Point at a box or a line to see what it stands for."


def _tables(graph: Graph) -> Iterator[str]:
    for heading, kinds in _TABLES:
        nodes = [node for node in graph.nodes if node.kind in kinds]
        if nodes:
            yield _table(heading, [_facts(node) for node in (reversed(nodes) if kinds == ("release",) else nodes)])
    flows: list[Mapping[str, str | int | None]] = [
        {"from": _name(graph, edge.tail), "to": _name(graph, edge.head), "rows": edge.rows, "which": edge.what}
        for edge in graph.edges
        if edge.rows is not None
    ]
    if flows:
        yield _table("Rows on their way", flows)
    columns: list[Mapping[str, str | int | None]] = [
        {"column": column, "comes from": f"{source.table}.{source.column}", "how": source.kind.lower()}
        for column, sources in (column_lineage(_RELEASED) if graph.of_kind("release") else {}).items()
        for source in sources
    ]
    if columns:
        yield _table("Columns of released rows", columns)


def _name(graph: Graph, identity: str) -> str:
    node = graph.node(identity)
    return node.name if node.kind in ("stage", "aside", node.name) else f"{node.kind} {node.name}"


def _facts(node: Node) -> dict[str, str | int | None]:
    state = {"state": node.state, "checks": said_of(node)} if node.kind == "stage" else {}
    rows = {} if node.kind == "stage" else {"rows": node.rows}
    facts = {name: value for name, value in node.facts.items() if not name.startswith("checks ")}
    return {_NAMED.get(node.kind, node.kind): node.name, **state, **rows, **facts}


def _table(heading: str, rows: Sequence[Mapping[str, str | int | None]]) -> str:
    columns = [
        name
        for name in dict.fromkeys(name for row in rows for name in row)
        if any(row.get(name) not in ("", None) for row in rows)
    ]
    numeric = {name for name in columns if all(isinstance(row.get(name), int | None) for row in rows)}
    head = "".join(f"<th class='{_ALIGNED[name in numeric]}'>{clean(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(_cell(row.get(name)) for name in columns)}</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<h2>{heading}</h2><div class='scroll'>{table}</div>"


def _cell(value: str | int | None) -> str:
    if isinstance(value, int):
        return f"<td class='number'>{value:,}</td>"
    if value and len(value) >= 16 and all(one in "0123456789abcdef" for one in value):
        return f"<td><code title='{value}'>{value}</code></td>"
    # Ids and times break at their hyphens elsewhere; prose may.
    kind = " class='whole'" if not value or len(value) <= _WHOLE else ""
    return f"<td{kind}><bdi>{clean(value or '–')}</bdi></td>"

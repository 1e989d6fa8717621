"""The lineage graph of a real life: its counts are those of the tables, and what is drawn of it can be trusted."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import dagster as dg
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.provenance.lineage.chart import chart, drawn, folded
from careful_assets.provenance.lineage.graph import graph_of
from careful_assets.provenance.lineage.nodes import Edge, Graph, Node
from careful_assets.provenance.lineage.page import page_of
from careful_assets.provenance.lineage.picture import picture, short
from careful_assets.provenance.lineage.widths import cut, width_of
from careful_assets.provenance.metadata import metadata_value
from careful_assets.provenance.stages import STAGES, UPSTREAM, ancestors
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.migrations import migrate
from careful_assets.warehouse.tables import read
from careful_assets_tests.life.arrange import Life

_SHOWN_IN_PLACE = 1000  # characters; the UI hides longer Markdown behind a link
CHROMIUM = Path("/usr/bin/chromium")
_HOSTILE = "<script>alert('x')</script>&\"]]>\u202e\x00 {{7*7}} javascript:"


def graph(life: Life) -> Graph:
    with connect(life.home.warehouse(life.dataset), read_only=True) as con:
        return graph_of(con, life.loaded, life.home)


def page_file(life: Life) -> Path:
    return life.home.lineage / f"{life.dataset}.html"


@pytest.fixture(scope="module")
def whole(finished_life: Life) -> Graph:
    """The finished life's graph."""
    return graph(finished_life)


def test_counts_are_those_of_the_tables(finished_life: Life, whole: Graph) -> None:
    """What stands on each edge is what a count of the tables gives, and at no stage a row is lost or made up."""
    table = finished_life.table
    anchors, candidates = table("anchors.rows"), table("generation.candidates")
    refused = table("filtering.decisions").filter(~pl.col("passed"))["row_id"].unique()
    labels = table("labeling.labels")
    confirmed = labels.filter("confirmed")
    mixed = table("training.mixes")
    released = table("release.rows")
    with connect(finished_life.home.vault(finished_life.dataset), read_only=True) as con:
        sealed = read(con, "sealed.rows").height
    splits = dict(anchors.group_by("split").len().iter_rows())
    generated = released.filter(pl.col("origin") == "generated").height
    expected = {
        ("source", "anchors"): anchors.height + sealed,
        ("anchors", "vault"): sealed,
        ("vault", "evaluation"): sealed,
        ("vault", "training"): sealed,
        ("anchors", "generation"): splits["exemplar"],
        ("prompt:0", "generation"): candidates.height,
        ("generator:0", "generation"): candidates.height,
        ("generation", "filtering"): candidates.height,
        ("generation", "evaluation"): candidates.height,
        ("filtering", "refused"): refused.len(),
        ("filtering", "labeling"): labels.height,
        ("anchors", "labeling"): splits["train"],
        ("labeling", "unconfirmed"): labels.height - confirmed.height,
        ("labeling", "evaluation"): confirmed.height,
        ("evaluation", "struck"): table("evaluation.leaks")["row_id"].n_unique(),
        ("anchors", "training"): mixed.filter(pl.col("origin") == "real")["row_id"].n_unique(),
        ("evaluation", "training"): mixed.filter(pl.col("origin") == "generated")["row_id"].n_unique(),
        ("evaluation", "release"): generated,
        ("anchors", "release"): released.height - generated,
        ("release", "release:1.0.0"): released.height,
    }
    assert {ends: whole.rows(*ends) for ends in expected} == expected
    assert candidates.height == labels.height + refused.len() > labels.height > confirmed.height > 0
    assert {arm.name: arm.rows for arm in whole.of_kind("mix")} == dict(mixed.group_by("arm").len().iter_rows())


def test_edges_are_the_true_dependencies(whole: Graph) -> None:
    """Among the stages there is an edge exactly where one depends on another; those drawn leave every way open."""
    between = {(edge.tail, edge.head) for edge in whole.edges if edge.tail in STAGES and edge.head in STAGES}
    assert between == {(above, stage) for stage in STAGES for above in UPSTREAM[stage]}
    shown = [(edge.tail, edge.head) for edge in drawn(whole.edges) if edge.head in STAGES]
    for stage in STAGES:
        assert _reached(stage, shown) >= set(ancestors(stage))
    assert len({(edge.tail, edge.head) for edge in whole.edges}) == len(whole.edges)
    assert {end for edge in whole.edges for end in (edge.tail, edge.head)} == {node.id for node in whole.nodes}


def _reached(stage: str, edges: list[tuple[str, str]]) -> set[str]:
    above = {tail for tail, head in edges if head == stage}
    return above.union(*(_reached(one, edges) for one in above)) if above else set()


def test_stages_tell_versions_and_checks(finished_life: Life, whole: Graph) -> None:
    """Each stage bears the data version and the verdicts that the ledger has of it."""
    ledger = finished_life.table("provenance.ledger")
    for node in whole.of_kind("stage"):
        assert node.state == "current"
        assert node.facts["data version"] == finished_life.data_versions()[node.name]
        assert node.facts["checks passed"] == ledger.filter(pl.col("stage") == node.name)["check_name"].n_unique()
        assert (node.facts["checks failed"], node.facts["checks never ran"]) == (0, 0)


def test_a_run_leaves_the_page_of_its_end(finished_life: Life, whole: Graph) -> None:
    """After a life the file stands where the asset's page says, up to date with the last verdict, and alone."""
    assert page_file(finished_life).read_text(encoding="utf-8") == page_of(whole)
    assert [path.name for path in finished_life.home.lineage.iterdir() if "html" in path.name] == [
        page_file(finished_life).name
    ]


def test_every_asset_shows_the_picture_and_the_file(copied_life: Life) -> None:
    """What a materialization tells Dagster holds the picture, in place, and where the file is."""
    result = copied_life.materialize("monitoring")
    (event,) = result.asset_materializations_for_node(f"{copied_life.dataset}__monitoring")
    shown = event.metadata
    assert isinstance(shown["lineage"], dg.MarkdownMetadataValue)
    assert (shown["lineage"].md_str or "").startswith("![lineage](<data:image/svg+xml,")
    assert shown["lineage graph"].value == str(page_file(copied_life))


def test_half_a_life_is_drawn_without_invented_counts(copied_life: Life) -> None:
    """Stages that were never made are absent, and so are counts into them and what they would have made."""
    rest = STAGES[STAGES.index("filtering") :]
    copied_life.forget(*rest)
    half = graph(copied_life)
    assert [node.id for node in half.of_kind("stage") if node.state == "absent"] == list(rest)
    assert all(edge.rows is None for edge in half.edges if {edge.tail, edge.head} & set(rest))
    assert not any(half.of_kind(kind) for kind in ("aside", "mix", "release"))
    assert half.rows("prompt:0", "generation") == 300
    page = ElementTree.fromstring(page_of(half))
    assert "Nothing was released yet." in "".join(page.itertext())
    small = ElementTree.fromstring(picture(half, "generation"))
    pale = "".join(small.find("{*}g").itertext())  # type: ignore[union-attr]
    assert pale == "".join(rest)


def test_nothing_made_is_drawn_too(finished_life: Life, tmp_path: Path) -> None:
    """With an empty warehouse the ten stages stand there pale, with what the card names."""
    path = tmp_path / "empty.duckdb"
    migrate(path)
    with connect(path, read_only=True) as con:
        empty = graph_of(con, finished_life.loaded, finished_life.home)
    assert {node.state for node in empty.nodes} == {"absent"}
    assert {node.kind for node in empty.nodes} == {"stage", "source", "prompt", "generator"}
    assert not [edge for edge in empty.edges if edge.rows is not None]
    ElementTree.fromstring(page_of(empty))


def test_what_lies_below_a_change_is_stale(copied_life: Life) -> None:
    """Another data version of generation makes everything that stands on it stale, and nothing above."""
    copied_life.sql("update provenance.versions set data_version = 'other' where stage = 'generation'")
    stale = {node.name for node in graph(copied_life).of_kind("stage") if node.state == "stale"}
    assert stale == {stage for stage in STAGES if "generation" in ancestors(stage)}


def test_a_retired_release_and_erasures_are_told(copied_life: Life) -> None:
    """A retired release is drawn as such, with its reason escaped; erasures are counted, and the unfinished too."""
    copied_life.sql(
        "update release.releases set status = 'retired', retired_because = '<b>erased</b>'",
        "insert into provenance.erasures values (1, 'e1', 'r1', 'begun', 'x', null, now())",
        "insert into provenance.erasures values (2, 'e1', 'r1', 'done', 'x', null, now())",
        "insert into provenance.erasures values (3, 'e2', 'r2', 'begun', 'x', null, now())",
    )
    told = graph(copied_life)
    (release,) = told.of_kind("release")
    assert (release.state, release.facts["folder"]) == ("retired", "tombstone")
    assert told.erasures == (2, 1)
    page = "".join(ElementTree.fromstring(page_of(told)).itertext())
    assert "1 of 1 releases are retired" in page
    assert "Erasures on record: 2, of these 1 not finished." in page
    assert "<b>erased</b>" in page
    assert "1 retired" in picture(told, "retirement").decode()


def test_inherited_rows_are_a_node(copied_life: Life) -> None:
    """Files that came without provenance stand beside generation, with the rows of unknown origin that it took."""
    row_ids = copied_life.table("generation.candidates")["row_id"].sort()[:2].to_list()
    copied_life.sql(
        "insert into provenance.inherited_files values ('f', 'x.jsonl', 3, 'text', null, '', null, now())",
        *(
            f"insert into provenance.inherited values ('f', {line}, '{origin}', null, null, null, null, {row_id})"
            for line, origin, row_id in (
                (1, "unknown", f"'{row_ids[0]}'"), (2, "unknown", f"'{row_ids[1]}'"), (3, "real", "null"),
            )
        ),
    )  # fmt: skip
    told = graph(copied_life)
    assert told.rows("inherited", "generation") == 2
    assert told.node("inherited").facts == {"files": 1, "lines real": 1, "lines unknown": 2}


def test_the_page_holds_no_row(finished_life: Life, whole: Graph) -> None:
    """Neither of anchors, candidates nor sealed rows any text of 30 characters stands in what is drawn."""
    with connect(finished_life.home.vault(finished_life.dataset), read_only=True) as con:
        texts = read(con, "sealed.rows")["text"].to_list()
        ids = read(con, "sealed.rows")["row_id"].to_list()
    for name in ("anchors.rows", "generation.candidates"):
        texts += finished_life.table(name)["text"].to_list()
    said = "".join(ElementTree.fromstring(page_of(whole)).itertext()) + picture(whole, "release").decode()
    assert not [text for text in texts if len(text) >= 30 and text[:30] in said]
    assert not [row_id for row_id in ids if row_id in said]


class _Seen(HTMLParser):
    """The tags of a page, and everything in them that a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [f"{name}={value}" for name, value in attrs if name in ("src", "href", "srcset", "data")]


@settings(deadline=None, max_examples=40)
@given(name=st.text(max_size=80) | st.just(_HOSTILE), count=st.integers(0, 10**10))
def test_no_name_breaks_out_of_the_page(whole: Graph, name: str, count: int) -> None:
    """Whatever titles, prompts, generators and releases are called, the page stays XML, alone, and without script."""
    page = page_of(_renamed(whole, name, count))
    ElementTree.fromstring(page)
    seen = _Seen()
    seen.feed(page)
    assert seen.fetched == []
    assert seen.tags <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "bdi", "span", "i", "div", "svg", "g",
        "path", "rect", "text", "table", "thead", "tbody", "tr", "th", "td", "code",
    }  # fmt: skip
    assert not re.search(r"https?:|url\(|@import", re.sub(re.escape(name) or "^$", "", page))
    assert not {"\u202e", "\x00"} & set(page)


def _renamed(graph: Graph, name: str, count: int) -> Graph:
    """The graph with this name for everything that people or generators name, and this count everywhere."""
    nodes = tuple(
        replace(
            node,
            name=node.name if node.kind == "stage" else name,
            rows=count,
            facts={key: name if isinstance(value, str) else value for key, value in node.facts.items()},
        )
        for node in graph.nodes
    )
    edges = tuple(replace(edge, rows=None if edge.rows is None else count) for edge in graph.edges)
    return replace(graph, title=name, dataset=name, nodes=nodes, edges=edges)


@pytest.mark.parametrize("count", [0, 99_999, 10_000_000, 999_999_999])
def test_the_picture_is_shown_in_place_however_large_the_dataset(whole: Graph, count: int) -> None:
    """With ten million rows on every edge and names of 300 letters it stays below the UI's limit, on all ten pages."""
    large = _renamed(whole, "x" * 300, count)
    stages = tuple(replace(node, state="stale") if node.id != "anchors" else node for node in large.of_kind("stage"))
    prompts = tuple(Node(f"prompt:{number}", "prompt", "x", count) for number in range(20))
    others = tuple(node for node in large.nodes if node.kind not in ("stage", "prompt"))
    large = replace(large, nodes=(*stages, *others, *prompts))
    for stage in STAGES:
        shown = metadata_value(picture(large, stage), "lineage")
        assert isinstance(shown, dg.MarkdownMetadataValue)
        assert len(shown.md_str or "") < _SHOWN_IN_PLACE


def test_the_picture_makes_the_own_stage_stand_out(whole: Graph) -> None:
    """One line is bold, that of the stage whose page it is, and its count is the graph's."""
    bold = [text for text in ElementTree.fromstring(picture(whole, "filtering")) if text.get("font-weight")]
    refused = whole.rows("filtering", "refused")
    assert [text.text for text in bold] == [f"filtering {whole.rows('filtering', 'labeling')} kept, {refused} not"]


@pytest.mark.parametrize("stage", STAGES)
def test_the_picture_counts_what_nobody_took_yet(copied_small_life: Life, stage: str) -> None:
    """On the page of a stage that ran last, as on all pages of a first run, its own rows are counted."""
    copied_small_life.forget(*STAGES[STAGES.index(stage) + 1 :])
    texts = [text.text or "" for text in ElementTree.fromstring(picture(graph(copied_small_life), stage)).iter()]
    assert stage in {text.partition(" ")[0] for text in texts}
    assert not [text for text in texts if "–" in text]


@given(st.integers(0, 10**12 - 1))
def test_short_counts_are_near_and_short(count: int) -> None:
    """A shortened count has at most seven characters, is exact below 100,000 and within half a percent above."""
    said = short(count)
    units = {"k": 10**3, "M": 10**6, "bn": 10**9}
    number, unit = re.fullmatch(r"([\d.,]+)([a-zA-Z]*)", said).groups()  # type: ignore[union-attr]
    value = float(number.replace(",", "")) * units.get(unit, 1)
    assert len(said) <= 7
    assert value == count if count < 100_000 else abs(value - count) <= count / 200


def test_many_releases_and_prompts_are_counted_together(whole: Graph) -> None:
    """The chart keeps the newest releases and counts the others in one box, with all their rows; tables keep all."""
    facts: dict[str, str | int] = {"status": "active", "rows": 10, "generated": 1}
    releases = [Node(f"release:2.0.{n}", "release", f"2.0.{n}", 10, facts=facts) for n in range(30)]
    edges = [Edge("release", node.id, "rows", 10, "both") for node in releases]
    many = Graph("d", "t", (*whole.nodes, *releases), (*whole.edges, *edges), (0, 0), datetime.now(UTC))
    shown = folded(many)
    names = [node.name for node in shown.of_kind("release")]
    assert names == ["27 earlier releases", "2.0.26", "2.0.27", "2.0.28", "2.0.29"]
    before = sum(whole.rows("release", node.id) or 0 for node in whole.of_kind("release"))
    assert before > 1000
    assert sum(shown.rows("release", node.id) or 0 for node in shown.of_kind("release")) == 300 + before
    cells = {cell.text for cell in ElementTree.fromstring(page_of(many)).iter("bdi")}
    assert cells >= {node.name for node in many.of_kind("release")}


def test_boxes_do_not_overlap(whole: Graph) -> None:
    """Each of the chart's boxes stands for itself, inside the picture."""
    svg = ElementTree.fromstring(chart(whole))
    _, _, width, height = (int(number) for number in (svg.get("viewBox") or "").split())
    boxes = [tuple(int(rect.get(side) or 0) for side in ("x", "y", "width", "height")) for rect in svg.iter("rect")]
    assert len(boxes) == len(whole.nodes)
    for number, (x, y, w, h) in enumerate(boxes):
        assert x >= 0 <= y
        assert (x + w, y + h) <= (width, height)
        for x2, y2, w2, h2 in boxes[:number]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


_LONG_NAMES = [
    "WMWMWMWMWMWMWMWMWMWMWMWMWMWM", "A_VERY_LONG_NAME_IN_CAPITALS_OF_A_MODEL", "字" * 40, "한국어" * 9, "ｗｉｄｅ" * 9,
    "مرحبا بالعالم هذا اسم طويل جدا لمولد", "שלום עולם זה שם ארוך מאוד של מחולל", "😀" * 30, "i" * 90,
    "Щзжмфю Прикладная модель",
    "हिन्दी में एक बहुत लंबा नाम जो समाप्त नहीं", "a" + "\u0301" * 400, "𝕎" * 30, "the quick brown fox jumps over it",
]  # fmt: skip


def test_long_names_are_cut_and_stand_whole_in_the_title(whole: Graph) -> None:
    """Of a name wider than its box the beginning is shown, fewer wide letters than narrow; its title has all."""
    shown = {}
    for name in _LONG_NAMES:
        svg = ElementTree.fromstring(chart(_renamed(whole, name, 1)))
        texts = [text for text in svg.iter("text") if text.get("class") == "name" and text.text not in STAGES]
        assert len(texts) > 5
        (shown[name],) = {text.text or "" for text in texts}
        assert all(text.get("textLength") for text in texts)
        assert any((title.text or "").startswith(f"prompt {name}") for title in svg.iter("title"))
    for name, text in shown.items():
        assert text.endswith("…")
        assert name.startswith(text[:-1])
    assert len(shown["i" * 90]) > 2 * len(shown["WMWMWMWMWMWMWMWMWMWMWMWMWMWM"])


@given(st.text(max_size=80), st.floats(1.2, 20))
def test_a_cut_text_fits(text: str, ems: float) -> None:
    """What is left of a text is no wider than its room, and is the text itself where that fits."""
    left = cut(text, ems)
    assert width_of(left) <= max(ems, width_of(text) if left == text else 0) + 1e-9
    assert left == text or (left.endswith("…") and text.startswith(left[:-1]))
    assert (left == text) == (width_of(text) <= ems) or text.rstrip() + "…" == left


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine")
def test_a_browser_keeps_names_in_their_boxes_and_pages_in_their_width(whole: Graph, tmp_path: Path) -> None:
    """With any font names end in their boxes; chart and tables scroll sideways, the page never; no word is broken."""
    from playwright.sync_api import sync_playwright

    names = iter(_LONG_NAMES * 4)
    nodes = tuple(node if node.kind == "stage" else replace(node, name=next(names)) for node in whole.nodes)
    path = tmp_path / "page.html"
    path.write_text(page_of(replace(whole, nodes=nodes)), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(path.as_uri())
        for width in (1280, 700, 400):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(_WIDTHS) == [width, 1040, 0]
        for font in ("system-ui", "serif", "monospace"):
            page.add_style_tag(content=f"svg text {{font-family: {font}}}")
            least, most = page.evaluate(_MARGINS)
            assert least >= 10 - 1
            assert most >= 5
        browser.close()


# The page's width, the chart's, and how many codes, ids, times and names stand on more than one line.
_WIDTHS = """() => [
    document.documentElement.scrollWidth, document.querySelector('svg').getBoundingClientRect().width,
    [...document.querySelectorAll('td code, td.whole bdi')].filter(one => {
        const tops = [...one.getClientRects()].map(place => Math.round(place.top / 10))
        return Math.max(...tops) > Math.min(...tops) + 1
    }).length]"""
# How far at least the words in boxes stand from the left and the right edge.
_MARGINS = """() => {
    const margins = [...document.querySelectorAll('.box text')].map(text => {
        const words = text.getBBox(), box = text.parentNode.querySelector('rect').getBBox()
        return [words.x - box.x, box.x + box.width - words.x - words.width]
    })
    return [0, 1].map(side => Math.min(...margins.map(margin => margin[side])))
}"""


def test_what_cannot_be_written_is_told_and_harms_nothing(copied_life: Life, capfd: pytest.CaptureFixture[str]) -> None:
    """With a folder in the file's place the asset is made all the same, shows its picture, and the log warns."""
    page_file(copied_life).unlink(missing_ok=True)
    page_file(copied_life).mkdir(parents=True)
    result = copied_life.materialize("monitoring")
    assert result.success
    (event,) = result.asset_materializations_for_node(f"{copied_life.dataset}__monitoring")
    assert "lineage" in event.metadata
    assert "lineage graph" not in event.metadata
    assert "the lineage graph was not written" in capfd.readouterr().err


def test_a_defect_in_drawing_is_told_by_its_place_alone(
    copied_life: Life, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where drawing breaks, the asset is made, and the warning names the kind of error and quotes nothing."""

    def fails(*_: object) -> None:
        raise ValueError("i quote a row")

    monkeypatch.setattr("careful_assets.provenance.lineage.shown.graph_of", fails)
    result = copied_life.materialize("monitoring")
    assert result.success
    said = capfd.readouterr().err
    assert "could not be drawn, please report it: ValueError at" in said
    assert "i quote a row" not in said


def test_the_picture_is_no_part_of_a_data_version(copied_life: Life) -> None:
    """A stage made again has the version it had, whatever the graph looked like then."""
    before = copied_life.data_versions()["monitoring"]
    assert copied_life.materialize("monitoring").success
    assert copied_life.data_versions()["monitoring"] == before

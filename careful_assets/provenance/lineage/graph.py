"""The dataset's lineage as a graph: what rows came from, which stages they went through, and where they ended.

Belongs here: nodes, edges and their counts, from the warehouse as it stands. Does not belong here: how they are drawn
(`picture`, `chart`, `page`). Names and counts only: no row, and of the vault no more than how many it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import polars as pl

from careful_assets.card.reader import LoadedCard
from careful_assets.provenance.erasures import newest_steps
from careful_assets.provenance.ledger import StageVersion, current_versions, latest_verdicts
from careful_assets.provenance.lineage.nodes import Edge, Graph, Node, Origin
from careful_assets.provenance.stages import STAGES, UPSTREAM, ancestors
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.tables import read

# What the rows of each flow are called, and what they are.
_FLOWS: dict[tuple[str, str], tuple[str, Origin | None]] = {
    ("anchors", "vault"): ("sealed", "sealed"),
    ("anchors", "purpose"): ("counted in the gap", "real"),
    ("anchors", "generation"): ("exemplars", "real"),
    ("purpose", "generation"): ("wanted", None),
    ("inherited", "generation"): ("of unknown origin", "generated"),
    ("generation", "filtering"): ("candidates", "generated"),
    ("filtering", "refused"): ("refused", "generated"),
    ("filtering", "labeling"): ("kept", "generated"),
    ("anchors", "labeling"): ("for judges", "real"),
    ("labeling", "unconfirmed"): ("unconfirmed", "generated"),
    ("labeling", "evaluation"): ("confirmed", "generated"),
    ("generation", "evaluation"): ("searched", "generated"),
    ("evaluation", "struck"): ("struck", "generated"),
    ("anchors", "training"): ("real", "real"),
    ("evaluation", "training"): ("generated", "generated"),
    ("anchors", "release"): ("real", "real"),
    ("evaluation", "release"): ("generated", "generated"),
}
_TIMES = (("provenance.versions", "made_at"), ("provenance.ledger", "checked_at"))
# Something beside the stages, and its edge where no table of flows has it.
_Beside = Iterator[tuple[Node, Edge | None]]
# What is set aside, and by which stage.
_ASIDE = {"refused": "filtering", "unconfirmed": "labeling", "struck": "evaluation"}


def graph_of(con: duckdb.DuckDBPyConnection, loaded: LoadedCard, home: Home) -> Graph:
    """The graph of the card's dataset, from its migrated warehouse and the folders of its releases.

    A stage that was never materialized is `absent`, and no edge into or out of it bears a count. One is `stale` if the
    card or anything that it stands on changed since it was made. Counts are of what a stage took when it last ran.
    """
    versions = current_versions(con)
    stages = tuple(_stages(con, loaded, versions))
    made = {node.id for node in stages if node.state != "absent"}
    beside = [
        *_sources(con, loaded, made), *_makers(con, loaded, made), *_inherited(con), *_vault(con, made),
        *_mixes(con), *_releases(con, loaded, home),
    ]  # fmt: skip
    counts = _counts(con, made)
    beside += [(Node(name, "aside", name, counts[by, name]), None) for name, by in _ASIDE.items() if by in made]
    nodes = (*stages, *(node for node, _ in beside))
    ids = {node.id for node in nodes}
    edges = [
        Edge(tail, head, what, counts[tail, head], origin)
        for (tail, head), (what, origin) in _FLOWS.items()
        if {tail, head} <= ids and counts.get((tail, head)) is not None
    ]
    known = {(edge.tail, edge.head) for edge in edges}
    edges += [Edge(up, stage) for stage in STAGES for up in UPSTREAM[stage] if (up, stage) not in known]
    edges += [edge for _, edge in beside if edge is not None]
    edges += _grants(con, made)
    erasures = newest_steps(con)
    unfinished = erasures.filter(pl.col("status") != "done").height
    as_of = max(filter(None, (con.table(name).max(column).fetchall()[0][0] for name, column in _TIMES)), default=None)
    return Graph(loaded.card.name, loaded.card.title, nodes, tuple(edges), (erasures.height, unfinished), as_of)


def _stages(con: duckdb.DuckDBPyConnection, loaded: LoadedCard, versions: dict[str, StageVersion]) -> Iterator[Node]:
    verdicts, ready = latest_verdicts(con), dict(run_model(con, "provenance/stage_rows").iter_rows())
    made_at = dict(read(con, "provenance.versions").sort("seq").select("stage", "made_at").iter_rows())
    for stage in STAGES:
        if stage not in versions:
            yield Node(stage, "stage", stage, state="absent")
            continue
        version = versions[stage].data_version
        passed = {
            name: bool(row["passed"]) for (of, data, name), row in verdicts.items() if (of, data) == (stage, version)
        }
        current = all(_is_current(one, loaded, versions) for one in (stage, *ancestors(stage)))
        facts: dict[str, str | int] = {
            "data version": version,
            "made at": f"{made_at[stage]:%Y-%m-%d %H:%M:%S}",
            "checks passed": sum(passed.values()),
            "checks failed": sum(not value for value in passed.values()),
            "checks never ran": sum(name not in passed for name in loaded.profile.checks.get(stage, [])),
            "run": versions[stage].run_id,
            "sealed sets": versions[stage].registry_state or "none on record",
        }
        yield Node(stage, "stage", stage, ready.get(stage), "current" if current else "stale", facts)


def _is_current(stage: str, loaded: LoadedCard, versions: dict[str, StageVersion]) -> bool:
    if stage not in versions or versions[stage].card_digest != loaded.digest:
        return False
    used = versions[stage].upstream
    return all(above in versions and versions[above].data_version == used.get(above) for above in UPSTREAM[stage])


def _counts(con: duckdb.DuckDBPyConnection, made: set[str]) -> dict[tuple[str, str], int | None]:
    """Rows by (tail, head), where the stages at both ends were made."""
    counts = {(tail, head): n for tail, head, n in run_model(con, "provenance/flows").iter_rows()}
    releases = read(con, "release.releases").sort("made_at")
    if releases.height:
        newest = releases.row(-1, named=True)
        counts["anchors", "release"] = newest["rows"] - newest["generated"]
        counts["evaluation", "release"] = newest["generated"]
    return {ends: n for ends, n in counts.items() if all(end in made for end in ends if end in STAGES)}


def _sources(con: duckdb.DuckDBPyConnection, loaded: LoadedCard, made: set[str]) -> _Beside:
    if "anchors" not in made:
        name = loaded.card.anchors.name
        yield Node("source", "source", name, state="absent"), Edge("source", "anchors")
        return
    row = read(con, "anchors.sources").sort("vintage").row(-1, named=True)
    facts = {"vintage": row["vintage"], "licence": row["licence"], "sha256": row["sha256"]}
    edge = Edge("source", "anchors", "rows", row["rows"], "real")
    yield Node("source", "source", row["source"], row["rows"], facts=facts), edge


def _makers(con: duckdb.DuckDBPyConnection, loaded: LoadedCard, made: set[str]) -> _Beside:
    """Every prompt and generator that was ever asked, and what the card names and nobody asked yet."""
    asked = run_model(con, "provenance/generators")
    prompts = _asked(asked, "prompt_id", "prompt_sha256")
    for number, row in enumerate(prompts):
        facts: dict[str, str | int] = {"sha256": row["prompt_sha256"], "requests": row["requests"]}
        node = Node(f"prompt:{number}", "prompt", row["prompt_id"], row["rows"], facts=facts)
        yield node, Edge(node.id, "generation", "rows", row["rows"], "generated")
    used = {(row["prompt_id"], row["prompt_sha256"]) for row in prompts}
    for number, prompt in enumerate(loaded.prompts, len(prompts)):
        if (prompt.prompt_id, prompt.sha256) not in used:
            node = Node(f"prompt:{number}", "prompt", prompt.prompt_id, None, "absent", {"sha256": prompt.sha256})
            yield node, Edge(node.id, "generation")
    generators = _asked(asked, "generator_id", "generator_family", "generator_revision", "generator_digest")
    for number, row in enumerate(generators):
        facts = {
            "family": row["generator_family"],
            "revision": row["generator_revision"] or "not named",
            "digest": row["generator_digest"],
            "requests": row["requests"],
        }
        node = Node(f"generator:{number}", "generator", row["generator_id"], row["rows"], facts=facts)
        yield node, Edge(node.id, "generation", "rows", row["rows"], "generated")
    if not generators:
        node = Node("generator:0", "generator", loaded.card.generation.generator.kind, state="absent")
        yield node, Edge(node.id, "generation")


def _asked(asked: pl.DataFrame, *by: str) -> list[dict[str, Any]]:
    return asked.group_by(by).agg(pl.col("requests", "rows").sum()).sort(by).to_dicts()


def _inherited(con: duckdb.DuckDBPyConnection) -> _Beside:
    """Files that came without provenance; their edge is among the flows."""
    lines = {origin: n for origin, _, n in run_model(con, "provenance/lines_by_origin").iter_rows()}
    if lines:
        files = read(con, "provenance.inherited_files")["file_digest"].n_unique()
        facts = {"files": files, **{f"lines {origin}": n for origin, n in lines.items()}}
        yield Node("inherited", "inherited", "inherited", sum(lines.values()), facts=facts), None


def _vault(con: duckdb.DuckDBPyConnection, made: set[str]) -> _Beside:
    if "anchors" in made:
        counts = read(con, "anchors.vault_counts")
        facts: dict[str, str | int] = {"registry state": ", ".join(counts["registry_state"].unique().sort())}
        sets = read(con, "anchors.evaluation_sets").filter(origin="synthetic").sort("set_name")
        for row in sets.iter_rows(named=True):  # beside the real rows, never added to them
            facts[f"synthetic set {row['set_name']}, of {row['dataset']} {row['version']}"] = row["rows"]
        yield Node("vault", "vault", "vault", int(counts["n"].sum()), facts=facts), None


def _grants(con: duckdb.DuckDBPyConnection, made: set[str]) -> Iterator[Edge]:
    """What the vault answered: rows are read inside it, none comes out."""
    words = {"find_leaks": "compared", "score": "scored"}
    for row in run_model(con, "provenance/newest_openings").iter_rows(named=True):
        if row["stage"] in made and row["operation"] in words:
            yield Edge("vault", row["stage"], words[row["operation"]], row["n"], "sealed")


def _mixes(con: duckdb.DuckDBPyConnection) -> _Beside:
    for number, row in enumerate(run_model(con, "provenance/mixes_trained").to_dicts()):
        facts = {"real": row["real_rows"], "generated": row["generated_rows"], "mix": row["mix_id"]}
        rows = row["real_rows"] + row["generated_rows"]
        facts |= {"model digest": row["model_digest"], "registry state": row["registry_state"]}
        origin: Origin = "both" if row["generated_rows"] else "real"
        yield (
            Node(f"mix:{number}", "mix", row["arm"], rows, facts=facts),
            Edge("training", f"mix:{number}", "rows", rows, origin),
        )


def _releases(con: duckdb.DuckDBPyConnection, loaded: LoadedCard, home: Home) -> _Beside:
    for row in read(con, "release.releases").sort("made_at").iter_rows(named=True):
        there = (home.releases(loaded.card.name) / row["version"]).is_dir()
        retired = row["status"] == "retired"
        facts = {
            "status": row["status"],
            "rows": row["rows"],
            "generated": row["generated"],
            "content digest": row["content_digest"],
            "folder": ("tombstone" if retired else "there") if there else "missing",
            "retired because": row["retired_because"] or "",
        }
        node = Node(
            f"release:{row['version']}",
            "release",
            row["version"],
            row["rows"],
            "retired" if retired else "current",
            facts,
        )
        yield node, Edge("release", node.id, "rows", row["rows"], "both" if row["generated"] else "real")

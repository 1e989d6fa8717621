"""What a stage's run read and made, as OpenLineage's inputs and outputs: the edges of the graph.

The edges are those of the asset graph, and beside them only: prompt templates and generator → generation, release → its
rows.parquet, and at retirement the rows.parquet that it drops. The vault and the anchors' source are no datasets here:
no room reads them as tables. Loads OpenLineage's client: import it where events are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
from openlineage.client.event_v2 import InputDataset, OutputDataset

from careful_assets.provenance.ledger import latest_verdicts
from careful_assets.provenance.lineage import facets, figures, naming
from careful_assets.provenance.lineage.own_facets import OWN_FACETS
from careful_assets.provenance.stage import Made, StageContext
from careful_assets.provenance.stages import LOGS, TABLES, UPSTREAM

# What holds generated rows, alone or beside real ones, or is about them alone.
_SYNTHETIC = frozenset(
    {
        "generation.candidates",
        "filtering.decisions",
        "labeling.labels",
        "labeling.votes",
        "training.mixes",
        "release.rows",
    }
)
_ROWS = "rows.parquet"


def named_inputs(context: StageContext, stage: str) -> list[InputDataset]:
    """What the stage is going to read, by name: the main tables above it, and for generation its prompts."""
    return [_named_input(_table(context, TABLES[above][0].name)) for above in UPSTREAM[stage]] + _prompts(
        context, stage
    )


def named_outputs(context: StageContext, stage: str) -> list[OutputDataset]:
    """What the stage is going to make, by name."""
    return [_named_output(_table(context, table)) for table in _tables(stage)]


def own_table(context: StageContext, stage: str) -> list[InputDataset]:
    """The stage's main table, as what its checks read."""
    return [_named_input(_table(context, TABLES[stage][0].name))]


def inputs_read(con: duckdb.DuckDBPyConnection, context: StageContext, stage: str, made: Made) -> list[InputDataset]:
    """What the stage read: the main table of every stage above it, and of their other tables those it looked into."""
    verdicts = latest_verdicts(con)
    found = []
    for above in UPSTREAM[stage]:
        version = made.upstream[above]
        main, *others = _tables(above)
        for table in (main, *(other for other in others if other in made.seen)):
            dataset = _named_input(_table(context, table))
            rows, _ = figures.table_shape(con, table)
            dataset.facets = {"version": facets.version_facet(version), "datasetType": facets.type_facet("TABLE")}
            dataset.inputFacets = {"inputStatistics": facets.input_statistics(rows)}
            passed = [row for key, row in verdicts.items() if key[:2] == (above, version)]
            if table == main and passed:
                dataset.inputFacets["dataQualityAssertions"] = facets.assertions_facet(passed)
            found.append(dataset)
    return found + _prompts(context, stage) + list(_generators(con, stage))


def outputs_made(
    con: duckdb.DuckDBPyConnection, context: StageContext, stage: str, made: Made, before: figures.Standing
) -> list[OutputDataset]:
    """What the stage made: its tables, and the release's file. `before`: the releases when it began."""
    found = []
    for table in _tables(stage):
        dataset = _named_output(_table(context, table))
        rows, columns = figures.table_shape(con, table)
        dataset.facets = {
            "version": facets.version_facet(made.data_version),
            "datasetType": facets.type_facet("TABLE"),
            **facets.output_facets(context.card, _warehouse(context), table, columns, table in _SYNTHETIC),
            **_own_facets(con, table),
        }
        dataset.outputFacets = {"outputStatistics": facets.output_statistics(rows)}
        found.append(dataset)
    if stage == "release":
        found += _released(con, context, before)
    if stage == "retirement":
        found += _dropped(con, context, before)
    return found


def _released(con: duckdb.DuckDBPyConnection, context: StageContext, before: figures.Standing) -> list[OutputDataset]:
    """The rows of the newest release, where they lie in its folder; none if retirement has taken them away."""
    release = figures.releases(con)[-1]
    path = _rows_of(context, release.version)
    if not path.exists():
        return []
    dataset = _named_output(naming.file_dataset(path))
    rows, columns = figures.file_shape(con, str(path))
    limits = context.card.use_limits
    dataset.facets = {
        "version": facets.version_facet(release.version),
        "datasetType": facets.type_facet("FILE"),
        **facets.output_facets(context.card, _warehouse(context), "release.rows", columns, True),
        "carefulAssets_synthetic": OWN_FACETS["carefulAssets_synthetic"](figures.release_parts(con, release.version)),
        "carefulAssets_release": OWN_FACETS["carefulAssets_release"](
            release.version,
            release.content_digest,
            release.status,
            [str(use) for use in limits.allowed],
            [{"use": str(one.use), "reason": one.reason} for one in limits.forbidden],
        ),
        "documentation": facets.documentation_facet(f"The rows of {context.card.title}, version {release.version}."),
    }
    if release.version not in before.releases:
        dataset.facets["lifecycleStateChange"] = facets.change_facet("CREATE")
    dataset.outputFacets = {"outputStatistics": facets.output_statistics(rows)}
    return [dataset]


def _dropped(con: duckdb.DuckDBPyConnection, context: StageContext, before: figures.Standing) -> list[OutputDataset]:
    """The rows of the releases that this run found retired."""
    found = []
    for version in sorted(figures.standing(con).retired - before.retired):
        dataset = _named_output(naming.file_dataset(_rows_of(context, version)))
        dataset.facets = {
            "version": facets.version_facet(version),
            "lifecycleStateChange": facets.change_facet("DROP"),
        }
        found.append(dataset)
    return found


def _own_facets(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, Any]:
    if table == "generation.candidates":
        return {
            "carefulAssets_generation": OWN_FACETS["carefulAssets_generation"](figures.generators(con)),
            "carefulAssets_synthetic": OWN_FACETS["carefulAssets_synthetic"](figures.candidate_parts(con)),
        }
    if table == "filtering.decisions":
        return {"carefulAssets_gates": OWN_FACETS["carefulAssets_gates"](**figures.gates(con))}
    if table == "training.mixes":
        return {"carefulAssets_synthetic": OWN_FACETS["carefulAssets_synthetic"](figures.mix_parts(con))}
    return {}


def _prompts(context: StageContext, stage: str) -> list[InputDataset]:
    if stage != "generation":
        return []
    found = []
    for prompt in context.loaded.prompts:
        dataset = _named_input(naming.file_dataset(prompt.path))
        dataset.facets = {
            "version": facets.version_facet(prompt.sha256),
            "datasetType": facets.type_facet("FILE"),
            "documentation": facets.documentation_facet(f"The prompt template {prompt.prompt_id}."),
        }
        found.append(dataset)
    return found


def _generators(con: duckdb.DuckDBPyConnection, stage: str) -> Iterator[InputDataset]:
    if stage != "generation":
        return
    # One dataset a name: of a generator asked at several revisions, the last stands for all; its facet lists each.
    for name, one in {
        naming.generator_dataset(one["family"], one["id"]): one for one in figures.generators(con)
    }.items():
        revision = [one["revision"]] if "revision" in one else []
        dataset = _named_input(name)
        dataset.facets = {
            "version": facets.version_facet("@".join([*revision, one["digest"]])),
            "datasetType": facets.type_facet("MODEL"),
        }
        yield dataset


def _tables(stage: str) -> tuple[str, ...]:
    """The stage's tables, the main one first, and its logs.

    These stand with every run, added to or not: consumers draw a job's edges from its latest run.
    """
    return (*(table.name for table in TABLES[stage]), *LOGS.get(stage, ()))


def _table(context: StageContext, table: str) -> naming.DatasetName:
    return naming.table_dataset(_warehouse(context), context.card.name, table)


def _warehouse(context: StageContext) -> Path:
    return context.home.warehouse(context.card.name)


def _rows_of(context: StageContext, version: str) -> Path:
    return context.home.releases(context.card.name) / version / _ROWS


def _named_input(dataset: naming.DatasetName) -> InputDataset:
    return InputDataset(dataset.namespace, dataset.name)


def _named_output(dataset: naming.DatasetName) -> OutputDataset:
    return OutputDataset(dataset.namespace, dataset.name)

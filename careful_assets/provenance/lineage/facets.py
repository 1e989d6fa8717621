"""OpenLineage's own facets, from the card, the ledger's rows and plain figures.

Belongs here: one function a set of facets. Does not belong here: which datasets and events they stand on (`datasets`,
`events`), and facets that OpenLineage lacks (`own_facets`). Plain Python values only: the client's serializer turns
others into texts without an error. Loads OpenLineage's client: import it where events are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from openlineage.client import facet_v2 as ol

from careful_assets.card.models import Card
from careful_assets.provenance.lineage import naming
from careful_assets.provenance.lineage.columns import SourceColumn, column_lineage, indirect
from careful_assets.provenance.verdicts import Check, Verdict
from careful_assets.warehouse.models import column_descriptions, table_description

_OURS = "CAREFUL_ASSETS"


def job_facets(card: Card, description: str) -> dict[str, ol.JobFacet]:
    """What kind of job a stage is, what it does, and who answers for it."""
    owner = ol.ownership_job.Owner(_owner(card), "owner")
    tags = [ol.tags_job.TagsJobFacetFields("cell", card.purpose.cell, _OURS)]
    return {
        "jobType": ol.job_type_job.JobTypeJobFacet("BATCH", "DAGSTER", "ASSET"),
        "documentation": ol.documentation_job.DocumentationJobFacet(description, "text/plain"),
        "ownership": ol.ownership_job.OwnershipJobFacet([owner]),
        "tags": ol.tags_job.TagsJobFacet(tags),
    }


def run_facets(dagster_run_id: str, dagster_job: str) -> dict[str, ol.RunFacet]:
    """The Dagster run that a stage's run is part of, and what ran it."""
    parent, above = naming.parent_run_id(dagster_run_id), ol.parent_run
    return {
        "parent": above.ParentRunFacet(
            above.Run(parent),
            above.Job(naming.JOBS, dagster_job),
            above.Root(above.RootRun(parent), above.RootJob(naming.JOBS, dagster_job)),
        ),
        "processing_engine": ol.processing_engine_run.ProcessingEngineRunFacet(
            version("dagster"), "dagster", version("careful-assets")
        ),
    }


def error_facet(words: str) -> ol.RunFacet:
    """Why a run failed, in our own words: a library's message or trace might quote a row."""
    return ol.error_message_run.ErrorMessageRunFacet(words, "Python")


def test_facet(verdicts: Sequence[tuple[Check, Verdict]]) -> ol.RunFacet:
    """One test a check. A check of severity `warn` that failed has failed: success does not hang on severity."""
    return ol.test_run.TestRunFacet(
        [
            ol.test_run.TestExecution(
                name=check.name,
                status="pass" if verdict.passed else "fail",
                severity=check.severity,
                type="asset_check",
                description=check.question,
                actual=verdict.summary,
                params={"version": check.version, "letters": check.letters},
            )
            for check, verdict in verdicts
        ]
    )


def assertions_facet(verdicts: Iterable[Mapping[str, Any]]) -> ol.InputDatasetFacet:
    """What the ledger says of an input's current data. `verdicts`: its newest rows of `provenance.ledger`."""
    facet = ol.data_quality_assertions_dataset
    return facet.DataQualityAssertionsDatasetFacet(
        [
            facet.Assertion(
                assertion=row["check_name"],
                success=row["passed"],
                severity=row["severity"],
                name=row["check_name"],
                actual=row["summary"],
                params={"version": row["check_version"], "letters": row["letters"]},
            )
            for row in verdicts
        ]
    )


def input_statistics(rows: int) -> ol.InputDatasetFacet:
    """How many rows an input has."""
    return ol.input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=rows)


def output_statistics(rows: int) -> ol.OutputDatasetFacet:
    """How many rows an output has."""
    return ol.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows)


def version_facet(of: str) -> ol.DatasetFacet:
    """Which data it is: a stage's data version, a file's digest, a generator's revision."""
    return ol.dataset_version_dataset.DatasetVersionDatasetFacet(of)


def type_facet(kind: str) -> ol.DatasetFacet:
    """What kind of dataset it is: TABLE, FILE or MODEL."""
    return ol.dataset_type_dataset.DatasetTypeDatasetFacet(kind)


def documentation_facet(words: str) -> ol.DatasetFacet:
    """What the dataset holds."""
    return ol.documentation_dataset.DocumentationDatasetFacet(words, "text/plain")


def change_facet(change: str) -> ol.DatasetFacet:
    """What this run did to it: CREATE or DROP."""
    facet = ol.lifecycle_state_change_dataset
    return facet.LifecycleStateChangeDatasetFacet(facet.LifecycleStateChange[change])


def output_facets(
    card: Card, warehouse: Path, table: str, columns: Sequence[tuple[str, str]], synthetic: bool
) -> dict[str, ol.DatasetFacet]:
    """Schema, column lineage, documentation, owner and tags of what a stage made.

    `table`: `schema.name`, also of a file that holds the table's columns. `columns`: names and SQL types, in order.
    """
    owner = ol.ownership_dataset.Owner(_owner(card), "owner")
    tags = {"cell": card.purpose.cell} | ({"synthetic": "true"} if synthetic else {})
    found: dict[str, ol.DatasetFacet] = {
        "schema": _schema(table, columns),
        "ownership": ol.ownership_dataset.OwnershipDatasetFacet([owner]),
        "tags": ol.tags_dataset.TagsDatasetFacet(
            [ol.tags_dataset.TagsDatasetFacetFields(key, value, _OURS) for key, value in tags.items()]
        ),
    }
    described = table_description(table)
    if described:
        found["documentation"] = documentation_facet(described)
    lineage = _column_lineage(card, warehouse, table, [name for name, _ in columns])
    if lineage is not None:
        found["columnLineage"] = lineage
    return found


def _owner(card: Card) -> str:
    return f"user:{card.owner.email}"


def _schema(table: str, columns: Sequence[tuple[str, str]]) -> ol.DatasetFacet:
    described, facet = column_descriptions(table), ol.schema_dataset
    return facet.SchemaDatasetFacet(
        [
            facet.SchemaDatasetFacetFields(name, kind, described.get(name), ordinal_position=place)
            for place, (name, kind) in enumerate(columns, 1)
        ]
    )


def _column_lineage(card: Card, warehouse: Path, table: str, columns: Sequence[str]) -> ol.DatasetFacet | None:
    """What the SQL model that fills the table says of its columns; None where code fills it."""
    facet = ol.column_lineage_dataset

    def field(source: SourceColumn, transformation: Any) -> Any:
        dataset = naming.table_dataset(warehouse, card.name, source.table)
        return facet.InputField(dataset.namespace, dataset.name, source.column, [transformation])

    found = {name: sources for name, sources in column_lineage(table).items() if name in columns}
    if not found:
        return None
    return facet.ColumnLineageDatasetFacet(
        {
            name: facet.Fields([field(source, facet.Transformation("DIRECT", source.kind)) for source in sources])
            for name, sources in found.items()
        },
        [field(source, facet.Transformation("INDIRECT")) for source in indirect(table)],
    )

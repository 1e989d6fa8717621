"""Names in OpenLineage: jobs, runs and datasets, each spelled the same wherever it appears.

Belongs here: names alone. A table is named as OpenLineage's own dbt integration names DuckDB's: the spec's naming table
has no entry for it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

JOBS = "careful_assets"
PRODUCER = f"urn:careful-assets:{version('careful-assets')}"
_RUNS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:careful-assets:runs")


@dataclass(frozen=True)
class DatasetName:
    """A dataset: where it lives, and what it is called there."""

    namespace: str
    name: str


def job_name(dataset: str, stage: str) -> str:
    """The job of a stage."""
    return f"{dataset}/{stage}"


def checks_job_name(dataset: str, stage: str) -> str:
    """The job of a stage's checks that are run alone.

    Another one than the stage's: consumers draw a job's edges from its latest run, and checks have no outputs.
    """
    return f"{dataset}/{stage}/checks"


def run_id(dagster_run_id: str, job: str, attempt: int = 0) -> str:
    """The UUIDv5 of a job in one Dagster run; an attempt after the first is a run of its own."""
    again = f" attempt {attempt + 1}" if attempt else ""
    return str(uuid.uuid5(_RUNS, f"{dagster_run_id} {job}{again}"))


def parent_run_id(dagster_run_id: str) -> str:
    """The Dagster run's own id, which is a UUID; one derived from it where someone chose another kind of id."""
    try:
        return str(uuid.UUID(dagster_run_id))
    except ValueError:
        return str(uuid.uuid5(_RUNS, dagster_run_id))


def table_dataset(warehouse: Path, dataset: str, table: str) -> DatasetName:
    """The table `schema.name` of a dataset's warehouse."""
    return DatasetName(f"duckdb://{warehouse.absolute()}", f"{dataset}.{table}")


def file_dataset(path: Path) -> DatasetName:
    """A file: a prompt template, or the rows of a release."""
    return DatasetName("file", str(path.absolute()))


def generator_dataset(family: str, generator_id: str) -> DatasetName:
    """A generator, by its family and its name; never by the address of an endpoint."""
    return DatasetName(f"model://{family}", generator_id)

"""One OpenLineage event as a plain document, ready to be written.

Belongs here: the envelope (time, producer, run, job), and turning the client's classes into plain values. Does not
belong here: what stands in it (`facets`, `datasets`) and where it goes (`emitter`). Loads OpenLineage's client: import
it where events are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Literal

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import BaseFacet, JobFacet, RunFacet
from openlineage.client.serde import Serde

from careful_assets.provenance.lineage.naming import JOBS, PRODUCER

State = Literal["START", "COMPLETE", "FAIL", "ABORT", "OTHER"]


def run_event(
    state: State,
    run_id: str,
    job: str,
    run_facets: Mapping[str, RunFacet],
    job_facets: Mapping[str, JobFacet],
    inputs: Sequence[InputDataset] = (),
    outputs: Sequence[OutputDataset] = (),
) -> dict[str, Any]:
    """The event of a run as of now, in UTC."""
    event = RunEvent(
        eventTime=datetime.now(UTC).isoformat(),
        eventType=RunState[state],
        producer=PRODUCER,
        run=Run(run_id, dict(run_facets)),
        job=Job(JOBS, job, dict(job_facets)),
        inputs=list(inputs),
        outputs=list(outputs),
    )
    for facet in _facets_of(event):
        # The client's own way to name a producer is a global of the process, which may not be ours alone.
        facet._producer = PRODUCER
    return Serde.to_dict(event)


def _facets_of(event: RunEvent) -> Iterable[BaseFacet]:
    groups: list[Mapping[str, Any] | None] = [event.run.facets, event.job.facets]
    for read in event.inputs or ():
        groups += [read.facets, read.inputFacets]
    for made in event.outputs or ():
        groups += [made.facets, made.outputFacets]
    return chain.from_iterable(group.values() for group in groups if group)

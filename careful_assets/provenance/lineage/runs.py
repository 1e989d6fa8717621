"""A stage's run, and its checks', as they are told in events: START, then COMPLETE, FAIL or ABORT.

Belongs here: which event is due when. A stage's wrapper calls these beside the work and never hears of a failure: what
cannot be told is a line in the run's log. OpenLineage's client is loaded when the first event is made.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from careful_assets.provenance.ledger import current_versions
from careful_assets.provenance.lineage import naming
from careful_assets.provenance.lineage.emitter import emit
from careful_assets.provenance.lineage.figures import Standing, standing
from careful_assets.provenance.stage import Made, StageContext
from careful_assets.provenance.verdicts import Check, Verdict
from careful_assets.warehouse.connections import connect

if TYPE_CHECKING:
    from careful_assets.provenance.lineage.events import State


_said: set[tuple[str, str]] = set()  # by run, so that a disk that is full is told once and not with every event


@dataclass(frozen=True)
class Launch:
    """What Dagster knows of a run: its job's name, which attempt of the step it is (from 0), where warnings go.

    `made_at_attempt`: of checks, which attempt made the stage, if this Dagster run did.
    """

    job: str
    attempt: int
    warn: Callable[[str], None]
    made_at_attempt: int = 0


class StageRun:
    """One materialization. `description`: what the stage does."""

    def __init__(self, context: StageContext, stage: str, description: str, launch: Launch) -> None:
        self._context = context
        self._stage = stage
        self._teller = _Teller(context, naming.job_name(context.card.name, stage), description, launch)
        self._before = Standing()

    def started(self) -> None:
        """Say what is going to be read and made."""
        with self._teller.guarded():
            if self._stage in ("release", "retirement"):
                self._before = _standing_now(self._context)
            self._tell_names("START")

    def completed(self, made: Made) -> None:
        """Say what was read and made, with its figures; by name alone where they cannot be had: a run has one end."""
        with self._teller.guarded():
            self._tell_figures(made)
        if "COMPLETE" not in self._teller.told:
            with self._teller.guarded():
                self._tell_names("COMPLETE")

    def failed(self, words: str) -> None:
        """Say why it was not made, in the words that people read."""
        with self._teller.guarded():
            from careful_assets.provenance.lineage.facets import error_facet

            self._tell_names("FAIL", {"errorMessage": error_facet(words)})

    def aborted(self) -> None:
        """Say that the run was ended from outside."""
        with self._teller.guarded():
            self._tell_names("ABORT")

    def _tell_figures(self, made: Made) -> None:
        from careful_assets.provenance.lineage.datasets import inputs_read, outputs_made

        with connect(_warehouse(self._context), read_only=True) as con:
            if current_versions(con)[self._stage].data_version != made.data_version:
                self._tell_names("COMPLETE")  # made anew meanwhile: the tables' figures are another run's
                return
            inputs = inputs_read(con, self._context, self._stage, made)
            outputs = outputs_made(con, self._context, self._stage, made, self._before)
        self._teller.tell("COMPLETE", inputs=inputs, outputs=outputs)

    def _tell_names(self, state: State, more: Mapping[str, Any] | None = None) -> None:
        from careful_assets.provenance.lineage.datasets import named_inputs, named_outputs

        inputs, outputs = named_inputs(self._context, self._stage), named_outputs(self._context, self._stage)
        self._teller.tell(state, more or {}, inputs, outputs)


class ChecksRun:
    """One run of a stage's checks.

    In the Dagster run that materialized the stage, they are told as one more event of the stage's run; run alone, as a
    run of their own that reads the stage's main table.
    """

    def __init__(self, context: StageContext, stage: str, description: str, launch: Launch) -> None:
        self._context = context
        self._stage = stage
        dataset, self._beside = context.card.name, False
        self._teller = _Teller(context, naming.checks_job_name(dataset, stage), description, launch)
        with self._teller.guarded():
            self._beside = _made_in_this_run(context, stage)
        if self._beside:
            launch = replace(launch, attempt=launch.made_at_attempt)
            self._teller = _Teller(context, naming.job_name(dataset, stage), description, launch)

    def started(self) -> None:
        """Say so, if they run alone."""
        if not self._beside:
            self._tell_own("START", {})

    def completed(self, verdicts: Sequence[tuple[Check, Verdict]]) -> None:
        """Say what each check found."""
        with self._teller.guarded():
            from careful_assets.provenance.lineage.facets import test_facet

            self._tell_end("COMPLETE", {"test": test_facet(verdicts)})

    def failed(self, words: str) -> None:
        """Say why they could not run."""
        with self._teller.guarded():
            from careful_assets.provenance.lineage.facets import error_facet

            self._tell_end("FAIL", {"errorMessage": error_facet(words)})

    def aborted(self) -> None:
        """Say that the run was ended from outside."""
        if not self._beside:
            self._tell_own("ABORT", {})

    def _tell_end(self, state: State, more: Mapping[str, Any]) -> None:
        if self._beside:
            self._teller.tell("OTHER", more)
        else:
            self._tell_own(state, more)

    def _tell_own(self, state: State, more: Mapping[str, Any]) -> None:
        with self._teller.guarded():
            from careful_assets.provenance.lineage.datasets import own_table

            self._teller.tell(state, more, own_table(self._context, self._stage))


class _Teller:
    """The events of one run: what they have in common, and that none fails the work they tell of."""

    def __init__(self, context: StageContext, job: str, description: str, launch: Launch) -> None:
        self._context = context
        self._job = job
        self._description = description
        self._launch = launch
        self._run_id = naming.run_id(context.run_id, job, launch.attempt)
        self.told: set[State] = set()  # what was written, or waits to be sent

    def tell(
        self,
        state: State,
        more: Mapping[str, Any] | None = None,
        inputs: Sequence[Any] = (),
        outputs: Sequence[Any] = (),
    ) -> None:
        """Write one event. `more`: run facets beside those of every event."""
        from careful_assets.provenance.lineage.events import run_event
        from careful_assets.provenance.lineage.facets import job_facets, run_facets

        event = run_event(
            state,
            self._run_id,
            self._job,
            {**run_facets(self._context.run_id, self._launch.job), **(more or {})},
            job_facets(self._context.card, self._description),
            inputs,
            outputs,
        )
        warnings = emit(self._context.home, event)
        self.told.add(state)
        for words in warnings:
            self._warn(words)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn whatever goes wrong into a warning that names the place: a foreign message may quote a row."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  the story of a run never fails the run
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"
            self._warn(
                f"lineage: an event of {self._job} could not be told in full ({type(error).__name__} at {place}); "
                "the run goes on"
            )

    def _warn(self, words: str) -> None:
        if (self._context.run_id, words) not in _said:
            _said.add((self._context.run_id, words))
            self._launch.warn(words)


def _warehouse(context: StageContext) -> Path:
    return context.home.warehouse(context.card.name)


def _standing_now(context: StageContext) -> Standing:
    """The releases so far; none before the first stage of the dataset ran."""
    if not _warehouse(context).exists():
        return Standing()
    with connect(_warehouse(context), read_only=True) as con:
        return standing(con)


def _made_in_this_run(context: StageContext, stage: str) -> bool:
    if not _warehouse(context).exists():
        return False
    with connect(_warehouse(context), read_only=True) as con:
        made = current_versions(con).get(stage)
    return made is not None and made.run_id == context.run_id

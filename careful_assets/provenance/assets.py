"""A stage as a Dagster asset: the one wrapper that all ten rooms use."""

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import dagster as dg

from careful_assets.card.reader import LoadedCard
from careful_assets.errors import CarefulError, Exit
from careful_assets.provenance.lineage.runs import Launch, StageRun
from careful_assets.provenance.lineage.shown import lineage_shown
from careful_assets.provenance.metadata import asset_metadata, table_name
from careful_assets.provenance.stage import Inputs, Outcome, StageContext, run_stage
from careful_assets.provenance.stages import UPSTREAM
from careful_assets.provenance.verdicts import Requirements

# Only a person, or a run that they planned, starts a life; then each stage follows once all gates above it stand open.
FOLLOW = dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed()


@dataclass(frozen=True)
class Option:
    """Something that a run may be told in its config; None where it is not."""

    kind: type[str] | type[float]
    description: str


@dataclass(frozen=True)
class StageDoor:
    """What a room says of its asset: the stage, what it does, the work itself, the vault grants it holds, its options.

    `compute` is called with the context, the inputs and, by keyword, one object a grant and one value an option.
    """

    stage: str
    description: str
    compute: Callable[..., Outcome]
    kinds: frozenset[str] = frozenset({"duckdb"})
    grants: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)


def stage_asset(door: StageDoor, loaded: LoadedCard, requirements: Requirements) -> dg.AssetsDefinition:
    """The asset `[dataset, stage]`; every refusal becomes a failure that is not retried and says what to do."""
    dataset = loaded.card.name

    @dg.asset(
        key=[dataset, door.stage],
        deps=[dg.AssetKey([dataset, above]) for above in UPSTREAM[door.stage]],
        group_name=dataset,
        description=door.description,
        kinds=set(door.kinds),
        owners=[loaded.card.owner.email],
        tags={"cell": loaded.card.purpose.cell},
        metadata={"dagster/table_name": table_name(dataset, door.stage)},
        required_resource_keys={"home", *door.grants},
        automation_condition=FOLLOW if UPSTREAM[door.stage] else None,
        config_schema={name: _config(option) for name, option in door.options.items()},
    )
    def _stage(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        run_id = context.run.run_id
        stage_context = StageContext(loaded, context.resources.home.home(), run_id, requirements, context.log.info)
        grants = {key: getattr(context.resources, key).grant(dataset, run_id) for key in door.grants}
        launch = Launch(context.run.job_name, context.op_execution_context.retry_number, context.log.warning)
        told = StageRun(stage_context, door.stage, door.description, launch)
        told.started()
        with refusals_shown(told):
            made = run_stage(
                stage_context, door.stage, _given(door.compute, grants | context.op_execution_context.op_config)
            )
        told.completed(made)
        drawn = lineage_shown(stage_context, door.stage, context.log.warning)
        made = replace(made, metadata=drawn | made.metadata)
        return dg.MaterializeResult(
            metadata=asset_metadata(dataset, door.stage, made), data_version=dg.DataVersion(made.data_version)
        )

    return _stage


class Told(Protocol):
    """Who else hears how work ended that did not succeed; never raises."""

    def failed(self, words: str) -> None:
        """It was refused, or broke."""

    def aborted(self) -> None:
        """It was ended from outside."""


@contextmanager
def refusals_shown(told: Told) -> Iterator[None]:
    """Turn a `CarefulError` into a Dagster failure with the same words, a defect into one that tells its place alone.

    No cause is chained and no foreign message is passed on: a library's error may quote a row, and row text must not
    reach Dagster's event log.
    """
    try:
        yield
    except CarefulError as error:
        told.failed(str(error))
        raise _failure(str(error), error.exit_code, retry=False) from None
    except Exception as error:  # noqa: BLE001  whatever it was, its message is not ours to show
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "careful_assets" in frame.filename]
        places = ", ".join(f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames[-4:])
        what = f"{type(error).__module__}.{type(error).__name__}"
        words = f"this is a defect in careful-assets, please report it: {what} at {places}"
        told.failed(words)
        raise _failure(words, Exit.DOES_NOT_HOLD, retry=True) from None
    except BaseException:
        told.aborted()
        raise


def _failure(words: str, exit_code: Exit, *, retry: bool) -> dg.Failure:
    """A refusal stays one however often it is asked; what broke by chance may be tried again."""
    return dg.Failure(description=words, metadata={"exit_code": int(exit_code)}, allow_retries=retry)


def _config(option: Option) -> dg.Field:
    """Empty unless someone fills it in: a run without a config stays an ordinary one."""
    return dg.Field(dg.Noneable(option.kind), default_value=None, is_required=False, description=option.description)


def _given(compute: Callable[..., Outcome], given: Mapping[str, Any]) -> Callable[[StageContext, Inputs], Outcome]:
    return lambda context, inputs: compute(context, inputs, **given)

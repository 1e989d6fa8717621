"""The card's shape: a dataset's answers to the seven questions of CAREFUL, as Pydantic models.

Belongs here: what each key may hold. Does not belong here: rules over several keys (`rules`), reading (`reader`).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, model_validator

from careful_assets.card.anchors import Anchors
from careful_assets.card.budget import Limits, Price
from careful_assets.card.embedding import CardEmbedder, TfidfSvdEmbedder
from careful_assets.card.evaluation import Evaluation, Vault
from careful_assets.card.fields import (
    Amount,
    Line,
    Name,
    Positive,
    PositiveShare,
    RelativePath,
    Share,
    Stop,
    Text,
    Use,
)
from careful_assets.card.own_gates import OwnGate
from careful_assets.card.part import Part, Person
from careful_assets.card.purpose import Purpose
from careful_assets.card.recorded import Mode, Recorded
from careful_assets.card.rules import broken_rules


class Parameters(Part):
    """Sampling parameters, sent as they stand but for those that are None; `max_tokens` bounds one completion.

    Without them, `top_k` and `min_p`, which OpenAI's protocol lacks, are off in the embedded model: all is on record.
    """

    temperature: Annotated[float, Field(ge=0, le=5)]
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    top_k: Annotated[int, Field(ge=0)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=32768)]
    stop: list[Stop] = []


class LlmGenerator(Part):
    """A language model: the endpoint that the environment names or, without one, the embedded model.

    `family`: needed where the registry (`llm.families`) does not know the model's name. `revision`: the version of an
    endpoint's model, as its provider calls it; another one makes another generator.
    """

    kind: Literal["llm"]
    mode: Literal["completion", "chat"]
    family: Name | None = None
    revision: Line | None = None


class NgramGenerator(Part):
    """An interpolated n-gram model fitted on the exemplars: seeded, deterministic, no download."""

    kind: Literal["ngram"]
    order: Annotated[int, Field(ge=2, le=6)] = 3

    @property
    def family(self) -> str:
        """The family that no judge may share."""
        return "ngram"

    @property
    def mode(self) -> Mode:
        """It hears the label, never the prompt."""
        return "completion"


class ReplayGenerator(Part):
    """Recorded answers in place of a generator: the journal of the home where the dataset was first generated.

    `answers`: that file, beside the card. What the card does not say, `recorded` does, once the card was read.
    """

    kind: Literal["replay"]
    answers: RelativePath
    _recorded: Recorded | None = PrivateAttr(default=None)

    @property
    def recorded(self) -> Recorded:
        """The file, and who answered in it."""
        if self._recorded is None:
            raise RuntimeError("recorded answers are known of cards that `read_card` has read")
        return self._recorded

    def found(self, recorded: Recorded) -> None:
        """Keep what `read_card` read in the file."""
        self._recorded = recorded

    @property
    def family(self) -> str:
        """The recorded generator's, which no judge may share."""
        return self.recorded.family

    @property
    def mode(self) -> Mode:
        """The recorded requests'."""
        return self.recorded.mode


class Forecast(Part):
    """What the owner expects of generation before any of it was measured.

    `kept_share`: of the rows that are asked for, those that will get through gates and judges. `cost_per_request` is
    in the purpose's currency.
    """

    kept_share: PositiveShare
    seconds_per_request: Positive
    cost_per_request: Amount


class Generation(Part):
    """R: who writes the rows, from which prompts, with which seeds, and what that may take.

    `prices`: by the model's name; needed with `budget.cost`, but for models that run here, which are free.
    """

    generator: Annotated[LlmGenerator | NgramGenerator | ReplayGenerator, Field(discriminator="kind")]
    prompts: Annotated[list[RelativePath], Field(min_length=1)]
    exemplars_per_prompt: Annotated[int, Field(ge=1, le=64)]
    completions_per_request: Annotated[int, Field(ge=1, le=128)]
    parameters: Parameters
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    forecast: Forecast
    budget: Limits | None = None
    prices: dict[Line, Price] = {}
    max_rounds: Annotated[int, Field(ge=1, le=1000)] = 1
    max_failed_share: Share = 0.0


class Override(Part):
    """A threshold of the cell's gate profile that this dataset sets otherwise, and why."""

    gate: Name
    threshold: Annotated[float, Field(ge=0)]
    reason: Text


class Filtering(Part):
    """F: the cell's gate profile, with this dataset's overrides, the gates of its own that come after, the embedder."""

    overrides: list[Override] = []
    own_gates: list[OwnGate] = []
    embedder: CardEmbedder = TfidfSvdEmbedder()


class Labeling(Part):
    """F: the judges that confirm or refuse the prompted label; `confirmations` of them must agree with it."""

    judges: Annotated[list[Name], Field(min_length=2)]
    confirmations: Annotated[int, Field(ge=1)] = 1


class Training(Part):
    """U: the cap on generated rows in a mix, as a share of each class, and the seed of the fits."""

    max_synthetic_share: Share
    seed: Annotated[int, Field(ge=0, lt=2**31)]


class Forbidden(Part):
    """A use that is refused, and the reason that a reader gets."""

    use: Use
    reason: Text


class UseLimits(Part):
    """U: what the release may be used for, and what not."""

    allowed: Annotated[list[Use], Field(min_length=1)]
    forbidden: list[Forbidden]


class Release(Part):
    """Whether a release carries the train anchors beside the generated rows, and rows that nobody knows the origin of.

    `max_unknown_share`: of its generated rows, those that came in files without provenance.
    """

    include_anchors: bool = True
    max_unknown_share: Share = 0.0


class ValidUntil(Part):
    """Until when an answer counts: whoever last confirmed it vouched for it up to this day, the day included."""

    owner: date
    verifier: date
    anchors: date


class Lifecycle(Part):
    """L: when the dataset is looked at again, when it dies, what else ends it, and how long its answers are good."""

    review_by: date
    retire_by: date
    valid_until: ValidUntil
    retirement_triggers: Annotated[list[Text], Field(min_length=1)]


class Card(Part):
    """A dataset's declaration. Relative paths in it start from the folder the card stands in."""

    name: Name
    title: Line
    description: Text
    owner: Person
    purpose: Purpose
    anchors: Anchors
    generation: Generation
    filtering: Filtering = Filtering()
    labeling: Labeling
    evaluation: Evaluation
    vault: Vault = Vault()
    training: Training
    use_limits: UseLimits
    release: Release = Release()
    lifecycle: Lifecycle

    @model_validator(mode="after")
    def _rules_hold(self) -> Card:
        broken = broken_rules(self.model_dump())
        if broken:
            raise ValueError("; ".join(message for _, message in broken))
        return self

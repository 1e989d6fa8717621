"""A generator whose answers come from a recorded journal: the same candidates again, without the model that wrote them.

Belongs here: looking an answer up. Does not belong here: finding and judging the file (`card.recorded`) and asking a
live generator again what it was once asked (`operations.regenerate`).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from types import TracebackType
from typing import Self

from careful_assets.card.recorded import Recorded
from careful_assets.errors import StageFailed
from careful_assets.llm.journal_state import read_state
from careful_assets.llm.requests import Answer, CallFailed, GeneratorIdentity, Request


class ReplayGenerator:
    """The generator that once answered, as far as its answers are on record.

    Raises:
        StageFailed: the file is not the one that the card was read with.
        MalformedInput: a line of it is corrupt; the message names it.
    """

    def __init__(self, recorded: Recorded) -> None:
        try:
            with recorded.path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise StageFailed(f"{recorded.path} cannot be read ({error.strerror}): put the file back") from error
        if digest != recorded.sha256:
            raise StageFailed(
                f"{recorded.path} has changed since the card was read; reload the code location, or run again"
            )
        state = read_state(recorded.path)
        one = state.on_record()[0]  # the card's reader has seen that there is one generator
        self._identity = GeneratorIdentity(
            one.generator_id, one.generator_family, one.generator_digest, one.generator_revision
        )
        self._answers = state.answers
        self._name = recorded.path.name

    @property
    def identity(self) -> GeneratorIdentity:
        """That of the recorded generator: the same card then plans requests of the same ids."""
        return self._identity

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def complete(self, request: Request) -> Answer:
        """The recorded answer, with its tokens; `latency_s` is 0: nobody was asked.

        Raises:
            CallFailed: there is none.
        """
        answer = self._answers.get(request.request_id)
        if answer is None:
            raise CallFailed(
                f"no recorded answer in {self._name}: exemplars, prompts, parameters, seed or rounds are not those it "
                "was recorded with; set them as they were, or record more answers with the live generator",
                retryable=False,
            )
        return replace(answer, latency_s=0.0)

"""A language model that is asked of two texts whether they say the same: yes or no, and nothing else is an answer.

Belongs here: the prompt, the calls, and reading what comes back with distrust. Does not belong here: which pairs are
asked about (`text.leaks.judged`), the call itself (`client`).

One of the two texts is sealed. So there is no journal, no trace, and no word of an answer or of a refusal in an error:
a server may quote what it was sent. Whatever is no answer is an error, and then nothing was judged: to take it for a no
would call a leak clean (as LMSYS's llm-decontaminator does).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from careful_assets.card.evaluation import ParaphraseJudge as DeclaredJudge
from careful_assets.errors import StageFailed
from careful_assets.llm.families import families_of
from careful_assets.llm.pacing import RETRIES, Retries
from careful_assets.llm.requests import CallFailed, GeneratorIdentity, Mode, Request, Unreachable, digest_of
from careful_assets.llm.structured import parsed

if TYPE_CHECKING:
    from careful_assets.llm.requests import Generator

IN_FLIGHT = 4
MOST_TOKENS = 32
_TEMPLATE = Path(__file__).with_name("paraphrase_judge.txt")
_SCHEMA = {
    "type": "object",
    "properties": {"same": {"type": "boolean"}},
    "required": ["same"],
    "additionalProperties": False,
}


class ParaphraseJudge:
    """Asks `generator`, at temperature 0, with the prompt that travels with the package.

    `provider`: who is shown the texts; None for a model on this machine. Equal pairs are asked about once in a call
    of `same`. Not to be called where an event loop runs: it runs one of its own.
    """

    def __init__(
        self, generator: Generator, provider: str | None, mode: Mode = "chat", *, in_flight: int = IN_FLIGHT,
        retries: Retries = RETRIES,
    ) -> None:  # fmt: skip
        self._generator = generator
        self._provider = provider
        self._mode = mode
        self._in_flight = in_flight
        self._retries = retries

    @property
    def provider(self) -> str | None:
        """Who is shown the texts."""
        return self._provider

    @property
    def name(self) -> str:
        """The model, for people."""
        return self._generator.identity.generator_id

    def same(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """Whether the two texts of each pair say the same, in the order of the pairs.

        Raises:
            StageFailed: of one pair there is no usable answer, after retries where these could help: none is told.
        """
        if not pairs:
            return []
        different = list(dict.fromkeys(pairs))
        said = dict(zip(different, asyncio.run(self._all(different)), strict=True))
        return [said[pair] for pair in pairs]

    async def _all(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        answers = [False] * len(pairs)
        queue = iter(enumerate(pairs))

        async def work() -> None:
            for place, pair in queue:
                answers[place] = await self._one(_request(*pair, self._generator.identity, self._mode))

        async with self._generator:
            workers = [asyncio.ensure_future(work()) for _ in range(min(self._in_flight, len(pairs)))]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
        return answers

    async def _one(self, request: Request) -> bool:
        for attempt in range(1, self._retries.attempts + 1):
            try:
                answer = await self._generator.complete(request)
            except CallFailed as failure:
                if self._retries.is_last(attempt, failure):
                    # From here on without the failure: its cause quotes the server, and that one saw a sealed text.
                    raise self._failed(_told(failure), attempt) from None
                await asyncio.sleep(self._retries.pause_s(attempt, failure))
            else:
                return self._read(answer.choices[0].text, attempt)
        raise AssertionError("no attempt was made")

    def _read(self, text: str, attempt: int) -> bool:
        # A model that completes text goes on after its answer with a next question.
        given = text.strip() if self._mode == "chat" else text.strip().split("\n", 1)[0]
        try:
            return bool(parsed(given, _SCHEMA)["same"])
        except ValueError as fault:
            raise self._failed(f"its answer is no yes or no: {fault}", attempt) from None

    def _failed(self, why: str, attempts: int) -> StageFailed:
        times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        return StageFailed(
            f"paraphrase judge {self.name}: a pair got no usable answer in {times}: {why}. What the server said is "
            "withheld, for it may quote sealed rows. Nothing counts as judged; mend the cause (address, model name, "
            "key, a model that answers in JSON) and run again, or drop evaluation.paraphrase_judge"
        )


def open_judge(
    declared: DeclaredJudge, generators: Collection[str], weights: Path, environ: Mapping[str, str] = os.environ
) -> ParaphraseJudge:
    """The judge that a card names: behind CAREFUL_JUDGE_URL or, without that, the embedded model.

    Its address is a variable of its own: no sealed row goes to an endpoint that was named for something else.

    Args:
        declared: the card's `evaluation.paraphrase_judge`.
        generators: the families that generated the rows to be judged.
        weights: where the embedded model's weights are kept.

    Raises:
        StageFailed: it is of a generator's family, or not of the family that it is declared to be, or the embedded
            model is not the one that is declared, or no provider is declared for an endpoint.
    """
    from careful_assets.llm.client import EndpointClient, endpoint_identity
    from careful_assets.llm.embedded import EMBEDDED, EmbeddedGenerator

    _hold_family(declared, generators)
    url = environ.get("CAREFUL_JUDGE_URL")
    if not url:
        if (declared.model, declared.family) != (EMBEDDED.generator_id, EMBEDDED.family):
            raise StageFailed(
                f"evaluation.paraphrase_judge is {declared.model} of the family {declared.family}, and "
                "CAREFUL_JUDGE_URL is not set: without an endpoint the embedded model is asked, which is "
                f"{EMBEDDED.generator_id} of the family {EMBEDDED.family}. Set the address, or name that model"
            )
        embedded = EmbeddedGenerator(weights)
        return ParaphraseJudge(embedded, None, "completion", in_flight=embedded.servers)
    if declared.provider is None:
        raise StageFailed(
            "evaluation.paraphrase_judge names no provider, and CAREFUL_JUDGE_URL is set: whoever answers there is "
            "shown sealed rows. Write its name as `provider`, and under vault.may_be_sent_to if it may see them"
        )
    client = EndpointClient(
        url, endpoint_identity(declared.model, declared.family), api_key=environ.get("CAREFUL_JUDGE_API_KEY") or None,
        remedy="start the endpoint at CAREFUL_JUDGE_URL", variables="CAREFUL_JUDGE",
    )  # fmt: skip
    return ParaphraseJudge(client, declared.provider)


def _hold_family(declared: DeclaredJudge, generators: Collection[str]) -> None:
    known = families_of(declared.model)
    if known and declared.family not in known:
        raise StageFailed(
            f"evaluation.paraphrase_judge.family is {declared.family}, but the model {declared.model!r} is of the "
            f"family {' or '.join(known)}; correct it"
        )
    shared = sorted({declared.family, *known} & set(generators))
    if shared:
        raise StageFailed(
            f"evaluation.paraphrase_judge is of the family {', '.join(shared)}, and so is the generator of the rows it "
            "would judge: it shares what that one is blind to. Name a model of another family"
        )


def _request(first: str, second: str, generator: GeneratorIdentity, mode: Mode) -> Request:
    template = _template()
    # Not one after the other: the first text may hold the second's placeholder.
    before, rest = template.split("{first}")
    between, after = rest.split("{second}")
    prompt = f"{before}{json.dumps(first)}{between}{json.dumps(second)}{after}"
    return Request.make(
        round=0, stratum="", prompt_id="paraphrase_judge", prompt_sha256=digest_of(template), rendered_prompt=prompt,
        generator=generator, mode=mode, params={"temperature": 0.0, "max_tokens": MOST_TOKENS}, seed=0, completions=1,
        parent_ids=(), answer_schema=_SCHEMA,
    )  # fmt: skip


@cache
def _template() -> str:
    return _TEMPLATE.read_text(encoding="utf-8").rstrip("\n")


def _told(failure: CallFailed) -> str:
    if isinstance(failure, Unreachable):
        return f"{failure.cause}; {failure.remedy}"
    return f"HTTP {failure.status}" if failure.status is not None else "what came back is no answer to the call"

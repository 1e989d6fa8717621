"""Families of models: which names belong to one lineage of weights.

A judge of the generator's own family shares its blind spots, so that no judge may be of it. Belongs here: the registry
of names, and holding what a card declares against it. Does not belong here: who may judge whom (labeling's check).
"""

from __future__ import annotations

import re

from careful_assets.errors import StageFailed

# By family, what its models are called at the start of a word. Weights that were tuned or distilled from those of a
# family belong to it; a name that points to two (a distillation into other weights) belongs to neither by itself.
_NAMES: dict[str, str] = {
    "arctic": r"arctic",
    "baichuan": r"baichuan",
    "bloom": r"bloomz?(?![a-z])",
    "claude": r"claude",
    "cohere": r"command(?![a-z])|c4ai|aya(?![a-z])",
    "dbrx": r"dbrx",
    "deepseek": r"deepseek",
    "ernie": r"ernie",
    "exaone": r"exaone",
    "falcon": r"falcon",
    "gemini": r"gemini",
    "gemma": r"\w*gemma",
    "glm": r"(?:chat)?glm",
    "gpt": r"(?:chat)?gpt(?!-?(?:neo|j(?![a-z])|2(?!\d)))|o[134](?![a-z0-9])|davinci|babbage",
    "gpt_neo": r"gpt-?(?:neo|j(?![a-z]))|pythia",
    "gpt2": r"gpt-?2(?!\d)|distilgpt",
    "granite": r"granite",
    "grok": r"grok",
    "hunyuan": r"hunyuan",
    "internlm": r"internlm",
    "jamba": r"jamba|jurassic",
    "kimi": r"kimi|moonshot",
    "lfm": r"lfm",
    "llama": r"(?:code|tiny)?-?llama(?!\.?cpp|file)|vicuna|alpaca",
    "mimo": r"mimo(?![a-z])",
    "minimax": r"minimax|abab",
    "mistral": r"mistral|mixtral|ministral|codestral|devstral|magistral|pixtral|zephyr",
    "mpt": r"mpt-\d",
    "nemotron": r"nemotron",
    "nova": r"nova-(?:micro|lite|pro|premier)",
    "olmo": r"olmoe?(?![a-z])",
    "opt": r"opt-\d",
    "phi": r"phi-?\d",
    "qwen": r"qwen|qwq|qvq",
    "seed": r"doubao|seed-oss",
    "smollm": r"smollm",
    "solar": r"solar",
    "stablelm": r"stablelm",
    "starcoder": r"starcoder",
    "t5": r"(?:flan-)?t5(?![a-z])",
    "titan": r"titan-text",
    "yi": r"yi-\d",
}
_PATTERNS = {family: re.compile(rf"(?<![a-z0-9])(?:{names})") for family, names in _NAMES.items()}


def families_of(model: str) -> list[str]:
    """The families that a model's name points to, sorted; names are read without regard to case."""
    name = model.lower().replace("_", "-")
    return sorted(family for family, pattern in _PATTERNS.items() if pattern.search(name))


def family_for(model: str, declared: str | None) -> str:
    """The family of the model that is to answer: the registry's or, where that knows none, what the card declares.

    Raises:
        StageFailed: the name is unknown or ambiguous and nothing is declared, or the declaration contradicts it.
    """
    known = families_of(model)
    if declared is None:
        if len(known) == 1:
            return known[0]
        why = f"points to several ({', '.join(known)})" if known else "is unknown"
        raise StageFailed(
            f"the family of the model {model!r} {why}: declare it as generation.generator.family in the card, so that "
            "no judge of the same family confirms its rows"
        )
    if known and declared not in known:
        raise StageFailed(
            f"the card declares the family {declared}, but the model {model!r} is of the family {' or '.join(known)}; "
            "correct generation.generator.family or, if the name misleads, serve the model under another"
        )
    return declared

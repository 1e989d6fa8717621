import pytest

from careful_assets.errors import StageFailed
from careful_assets.llm.families import families_of, family_for


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4o-2024-08-06", "gpt"), ("ft:gpt-4o-mini-2024-07-18:acme::x", "gpt"), ("openai/gpt-oss-20b", "gpt"),
        ("o3-mini", "gpt"), ("chatgpt-4o-latest", "gpt"), ("gpt-neox-20b", "gpt_neo"),
        ("EleutherAI/gpt-j-6b", "gpt_neo"), ("gpt2-xl", "gpt2"), ("claude-sonnet-4-5", "claude"),
        ("us.anthropic.claude-3-haiku-20240307-v1:0", "claude"),
        ("models/gemini-2.5-flash", "gemini"), ("gemma-3-270m-q4_k_m", "gemma"), ("google/codegemma-7b", "gemma"),
        ("Meta-Llama-3-8B-Instruct-Q4_K_M.gguf", "llama"), ("llama3.1:8b", "llama"), ("codellama-13b", "llama"),
        ("TinyLlama-1.1B-Chat", "llama"), ("Mixtral-8x7B-Instruct-v0.1", "mistral"), ("Qwen2.5-7B-Instruct", "qwen"),
        ("QwQ-32B", "qwen"), ("deepseek-chat", "deepseek"), ("microsoft/Phi-3.5-mini-instruct", "phi"),
        ("c4ai-aya-expanse-8b", "cohere"), ("SmolLM2-1.7B", "smollm"), ("flan-t5-xl", "t5"),
        ("THUDM/chatglm3-6b", "glm"),
    ],
)  # fmt: skip
def test_known_names_have_a_family(model, family):
    """Whatever a provider or a file calls a model, its family is read from the name."""
    assert families_of(model) == [family]
    assert family_for(model, None) == family_for(model, family) == family


@pytest.mark.parametrize("model", ["my-model", "", "big", "stub-model", "photo3-large", "option-pricer", "llama.cpp"])
def test_unknown_names_must_be_declared(model):
    """Nothing is guessed: the card says it, or nothing is sent."""
    assert families_of(model) == []
    with pytest.raises(StageFailed, match=r"is unknown: declare it as generation\.generator\.family"):
        family_for(model, None)
    assert family_for(model, "ours") == "ours"


def test_a_distillation_into_other_weights_is_of_the_family_that_its_owner_declares():
    """The name points to two lineages: neither is taken by itself, and no third one is believed."""
    model = "DeepSeek-R1-Distill-Llama-8B"
    with pytest.raises(StageFailed, match=r"points to several \(deepseek, llama\)"):
        family_for(model, None)
    assert family_for(model, "llama") == "llama"
    with pytest.raises(StageFailed, match="is of the family deepseek or llama"):
        family_for(model, "gemma")


def test_a_declaration_does_not_hide_a_known_family():
    """A generator passed off as another family's would let its own kin judge it."""
    with pytest.raises(StageFailed, match=r"declares the family llama, but the model 'gpt-4o' is of the family gpt"):
        family_for("gpt-4o", "llama")

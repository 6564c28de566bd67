"""Where providers' endpoints are, which environment variable has their key, and how they are best asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamkit.client.mode import Mode

__all__ = ["ALSO_CALLED", "PROVIDERS", "Provider"]


@dataclass(frozen=True)
class Provider:
    """One provider.

    Attributes:
        base_url: the endpoint; None where the SDK's own client knows it.
        key: the environment variable of the key; None where none is needed.
        mode: how it is asked for JSON.
        omit: arguments that it refuses.
    """

    base_url: str | None
    key: str | None
    mode: Mode = Mode.JSON_SCHEMA
    omit: Mapping[str, None] = field(default_factory=dict[str, None])


# Groq and DeepSeek have structured outputs for few models or none, and calls for all that matter. Mistral
# refuses what it does not know, and tells the usage unasked.
PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider(None, "OPENAI_API_KEY"),
    "anthropic": Provider(None, "ANTHROPIC_API_KEY"),  # through its own SDK
    "azure": Provider(None, "AZURE_OPENAI_API_KEY"),
    "openrouter": Provider("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "groq": Provider("https://api.groq.com/openai/v1", "GROQ_API_KEY", Mode.TOOLS),
    "together": Provider("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "fireworks": Provider("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "deepseek": Provider("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", Mode.TOOLS),
    "mistral": Provider("https://api.mistral.ai/v1", "MISTRAL_API_KEY", omit={"stream_options": None}),
    "xai": Provider("https://api.x.ai/v1", "XAI_API_KEY"),
    "gemini": Provider("https://generativelanguage.googleapis.com/v1beta/openai/", "GEMINI_API_KEY"),
    "ollama": Provider("http://localhost:11434/v1", None),
    "lm_studio": Provider("http://localhost:1234/v1", None),
    "vllm": Provider("http://localhost:8000/v1", None),
    "llama.cpp": Provider("http://localhost:8080/v1", None),
}

ALSO_CALLED: Mapping[str, str] = {"google": "gemini", "azure_openai": "azure", "lmstudio": "lm_studio", "grok": "xai"}

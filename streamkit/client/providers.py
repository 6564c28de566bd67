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
        base_url: the endpoint, in which {NAME} stands for an environment variable; None where the SDK knows it.
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
    "cerebras": Provider("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "perplexity": Provider("https://api.perplexity.ai", "PERPLEXITY_API_KEY"),
    "cohere": Provider("https://api.cohere.ai/compatibility/v1", "COHERE_API_KEY"),
    "sambanova": Provider("https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    "huggingface": Provider("https://router.huggingface.co/v1", "HF_TOKEN"),
    "nvidia": Provider("https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY"),
    "moonshot": Provider("https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
    "github": Provider("https://models.github.ai/inference", "GITHUB_TOKEN"),
    "dashscope": Provider("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),
    "deepinfra": Provider("https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    "nebius": Provider("https://api.studio.nebius.com/v1", "NEBIUS_API_KEY"),
    "hyperbolic": Provider("https://api.hyperbolic.xyz/v1", "HYPERBOLIC_API_KEY"),
    "novita": Provider("https://api.novita.ai/openai", "NOVITA_API_KEY"),
    "writer": Provider("https://api.writer.com/v1", "WRITER_API_KEY", Mode.TOOLS),
    # Their endpoints depend on the account; {NAME} is read from the environment.
    "bedrock": Provider("https://bedrock-runtime.{AWS_REGION}.amazonaws.com/openai/v1", "AWS_BEARER_TOKEN_BEDROCK"),
    "databricks": Provider("https://{DATABRICKS_HOST}/serving-endpoints", "DATABRICKS_TOKEN"),
    "vertexai": Provider(
        "https://{GOOGLE_CLOUD_LOCATION}-aiplatform.googleapis.com/v1/projects/{GOOGLE_CLOUD_PROJECT}"
        "/locations/{GOOGLE_CLOUD_LOCATION}/endpoints/openapi",
        "VERTEXAI_ACCESS_TOKEN",
    ),
    "ollama": Provider("http://localhost:11434/v1", None),
    "lm_studio": Provider("http://localhost:1234/v1", None),
    "vllm": Provider("http://localhost:8000/v1", None),
    "llama.cpp": Provider("http://localhost:8080/v1", None),
}

ALSO_CALLED: Mapping[str, str] = {
    "google": "gemini",
    "azure_openai": "azure",
    "lmstudio": "lm_studio",
    "grok": "xai",
    "hf": "huggingface",
    "qwen": "dashscope",
    "vertex": "vertexai",
}

"""How a model is asked for JSON."""

from __future__ import annotations

from enum import Enum

__all__ = ["Mode", "mode_of"]


class Mode(Enum):
    """How the request tells what is wanted, and where the answer's text comes.

    Attributes:
        JSON_SCHEMA: structured outputs: `response_format` (Anthropic: `output_config`) carries the model's schema;
            the text is the message.
        JSON: JSON mode: `response_format` asks for an object (Anthropic: words do), a system message carries the
            schema.
        TOOLS: one forced call of a tool named after the model; the text is the call's arguments.
        MD_JSON: nothing but words: a message asks for a Markdown fence with JSON in it; for servers without
            any of the others.
        RESPONSES: structured outputs of the Responses API.
        RESPONSES_TOOLS: a forced function call of the Responses API.
        FUNCTIONS, TOOLS_STRICT, ANTHROPIC_JSON, ...: all of Instructor's names, each an alias of the nearest of these.
            Schemas are strict where they can be, and `stream_tools` reads several calls.
    """

    JSON_SCHEMA = "json_schema"
    JSON = "json"
    TOOLS = "tools"
    MD_JSON = "md_json"
    RESPONSES = "responses"
    RESPONSES_TOOLS = "responses_tools"
    # Instructor's other names, each an alias of the nearest mode.
    FUNCTIONS = TOOLS_STRICT = PARALLEL_TOOLS = "tools"  # noqa: PIE796
    ANTHROPIC_TOOLS = ANTHROPIC_REASONING_TOOLS = ANTHROPIC_PARALLEL_TOOLS = "tools"  # noqa: PIE796
    MISTRAL_TOOLS = COHERE_TOOLS = CEREBRAS_TOOLS = FIREWORKS_TOOLS = WRITER_TOOLS = "tools"  # noqa: PIE796
    GEMINI_TOOLS = GENAI_TOOLS = VERTEXAI_TOOLS = VERTEXAI_PARALLEL_TOOLS = "tools"  # noqa: PIE796
    BEDROCK_TOOLS = XAI_TOOLS = "tools"  # noqa: PIE796
    JSON_O1 = ANTHROPIC_JSON = CEREBRAS_JSON = FIREWORKS_JSON = WRITER_JSON = "json"  # noqa: PIE796
    GEMINI_JSON = GENAI_JSON = VERTEXAI_JSON = BEDROCK_JSON = PERPLEXITY_JSON = XAI_JSON = "json"  # noqa: PIE796
    MISTRAL_STRUCTURED_OUTPUTS = GENAI_STRUCTURED_OUTPUTS = "json_schema"  # noqa: PIE796
    COHERE_JSON_SCHEMA = OPENROUTER_STRUCTURED_OUTPUTS = "json_schema"  # noqa: PIE796
    RESPONSES_TOOLS_WITH_INBUILT_TOOLS = "responses_tools"  # noqa: PIE796

    @property
    def calls_tools(self) -> bool:
        """The answer is in the arguments of a call, not in a message."""
        return self in (Mode.TOOLS, Mode.RESPONSES_TOOLS)

    @property
    def is_responses(self) -> bool:
        """The request goes to the Responses API."""
        return self in (Mode.RESPONSES, Mode.RESPONSES_TOOLS)


def mode_of(given: object) -> Mode:
    """A mode, or the one that has a value: `"tools"`.

    Raises:
        TypeError: it is neither.
    """
    try:
        return Mode(given)
    except ValueError:
        known = ", ".join(f"Mode.{mode.name}" for mode in Mode)
        raise TypeError(f"mode is one of {known}; got {given!r:.80}") from None

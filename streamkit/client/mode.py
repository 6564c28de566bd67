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
        TOOLS_STRICT, PARALLEL_TOOLS: Instructor's names; here schemas are strict where they can be, and
            several calls are read by `stream_tools`.
    """

    JSON_SCHEMA = "json_schema"
    JSON = "json"
    TOOLS = "tools"
    MD_JSON = "md_json"
    RESPONSES = "responses"
    RESPONSES_TOOLS = "responses_tools"
    TOOLS_STRICT = "tools"  # noqa: PIE796  # an alias on purpose
    PARALLEL_TOOLS = "tools"  # noqa: PIE796  # as TOOLS_STRICT

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

"""How a model is asked for JSON."""

from __future__ import annotations

from enum import Enum

__all__ = ["Mode"]


class Mode(Enum):
    """How the request tells what is wanted, and where the answer's text comes.

    Attributes:
        JSON_SCHEMA: structured outputs: `response_format` carries the model's schema; the text is the message.
        JSON: JSON mode: `response_format` asks for an object, a system message carries the schema.
        TOOLS: one forced call of a tool named after the model; the text is the call's arguments.
    """

    JSON_SCHEMA = "json_schema"
    JSON = "json"
    TOOLS = "tools"

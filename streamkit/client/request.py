"""What is sent: the user's own arguments, and what a mode adds to them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from streamkit.client.mode import Mode
from streamkit.client.schema import wire_schema

if TYPE_CHECKING:
    from streamkit.client.schema import Schema

__all__ = ["Message", "chat_request"]

Message: TypeAlias = Mapping[str, object]
"""A message of a chat, as the openai SDK takes it."""


def chat_request(
    response_model: object, mode: Mode, messages: Sequence[Message], request: Mapping[str, object]
) -> dict[str, object]:
    """Return the arguments for `client.chat.completions.create`.

    What the user says in `request` goes before what a mode would say; a value of None there leaves an
    argument out, for servers that do not know it (`stream_options=None`).

    Raises:
        TypeError: no `model` is named.
    """
    if request.get("model") is None:
        raise TypeError("which model? give model=..., here or to from_openai(); from_provider() takes it from its name")
    schema, strict = wire_schema(response_model)
    name = re.sub(r"\W", "_", str(getattr(response_model, "__name__", response_model)), flags=re.ASCII)[:64]
    added = {"stream_options": {"include_usage": True}, **_asking(mode, name, schema, strict)}
    if mode is Mode.JSON:
        messages = _with_schema(messages, schema)
    merged = {**added, **request, "messages": list(messages), "stream": True}
    return {key: value for key, value in merged.items() if value is not None}


def _asking(mode: Mode, name: str, schema: Schema, strict: bool) -> dict[str, object]:
    if mode is Mode.JSON:
        return {"response_format": {"type": "json_object"}}
    if mode is Mode.JSON_SCHEMA:
        asked = {"name": name, "schema": schema, "strict": strict}
        return {"response_format": {"type": "json_schema", "json_schema": asked}}
    function: dict[str, object] = {"name": name, "parameters": schema, "strict": strict}
    if description := schema.get("description"):
        function["description"] = description
    return {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": name}},
    }


def _with_schema(messages: Sequence[Message], schema: Schema) -> list[Message]:
    """The messages, with the schema told first: JSON mode itself knows of none."""
    told = f"Answer with JSON, and nothing else, that fits this JSON Schema:\n{json.dumps(schema)}"
    first: Message = messages[0] if messages else {}
    # One system message, not two: many chat templates take no second.
    if first.get("role") == "system" and isinstance(first.get("content"), str):
        return [{**first, "content": f"{first['content']}\n\n{told}"}, *messages[1:]]
    return [{"role": "system", "content": told}, *messages]

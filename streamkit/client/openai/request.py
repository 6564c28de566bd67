"""Build the requests of OpenAI's chat completions and Responses APIs."""

from __future__ import annotations

from collections.abc import Sequence

from streamkit.client.json_schema import Schema, WireSchema, wire_schema
from streamkit.client.mode import Mode
from streamkit.client.request import (
    Arguments,
    Asked,
    Message,
    Tools,
    check_model,
    checked,
    checked_tools,
    schema_told,
    tool_name,
)

__all__ = ["ask", "ask_for_calls"]

# Chat completions' names for what the Responses API calls otherwise.
_IN_RESPONSES = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}


def ask(response_model: object, mode: Mode, messages: Sequence[Message], request: Arguments) -> Asked:
    """Return the request for one model.

    What the user says in `request` goes before what a mode would say; a value of None there leaves an
    argument out, for servers that do not know it (`stream_options=None`).

    Raises:
        TypeError: no `model` is named, or the messages are none.
        ValueError: several answers are asked for.
    """
    if request.get("n") not in (None, 1):
        raise ValueError(f"n={request['n']}: a run reads one answer; use stream_choices() for several")
    messages = checked(messages)
    wire = wire_schema(response_model)
    asking = _asking(mode, tool_name(response_model), wire)
    if mode in (Mode.JSON, Mode.MD_JSON):
        messages = _with_schema(messages, wire.schema, fenced=mode is Mode.MD_JSON)
    return Asked(mode, messages, _merged(mode, asking, request), wire.wrapped, mode is Mode.MD_JSON)


def ask_for_calls(tools: Tools, mode: Mode, messages: Sequence[Message], request: Arguments) -> Asked:
    """Return the request for any number of calls of some tools, each with its model.

    Raises:
        TypeError: as for `ask`.
        ValueError: a tool whose arguments are not an object.
    """
    told = [_tool(mode, name, wire) for name, wire in checked_tools(tools).items()]
    asking: dict[str, object] = {"tools": told, "tool_choice": "required", "parallel_tool_calls": True}
    return Asked(mode, checked(messages), _merged(mode, asking, request))


def _merged(mode: Mode, asking: Arguments, request: Arguments) -> dict[str, object]:
    check_model(request)
    usage = {} if mode.is_responses else {"stream_options": {"include_usage": True}}
    if mode.is_responses:
        request = {_IN_RESPONSES.get(key, key): value for key, value in request.items()}
    merged: dict[str, object] = {**usage, **asking, **request, "stream": True}
    return {key: value for key, value in merged.items() if value is not None}


def _asking(mode: Mode, name: str, wire: WireSchema) -> dict[str, object]:
    schema, strict = wire.schema, wire.strict
    if mode is Mode.MD_JSON:
        return {}
    if mode is Mode.JSON:
        return {"response_format": {"type": "json_object"}}
    if mode is Mode.JSON_SCHEMA:
        asked = {"name": name, "schema": schema, "strict": strict}
        return {"response_format": {"type": "json_schema", "json_schema": asked}}
    if mode is Mode.RESPONSES:
        return {"text": {"format": {"type": "json_schema", "name": name, "schema": schema, "strict": strict}}}
    chosen = {"name": name} if mode.is_responses else {"function": {"name": name}}
    return {"tools": [_tool(mode, name, wire)], "tool_choice": {"type": "function", **chosen}}


def _tool(mode: Mode, name: str, wire: WireSchema) -> dict[str, object]:
    function: dict[str, object] = {"name": name, "parameters": wire.schema, "strict": wire.strict}
    if description := wire.schema.get("description"):
        function["description"] = description
    return {"type": "function", **function} if mode.is_responses else {"type": "function", "function": function}


def _with_schema(messages: Sequence[Message], schema: Schema, *, fenced: bool) -> list[Message]:
    """The messages, with the schema told first: these modes themselves know of none."""
    told = schema_told(schema, fenced=fenced)
    first: Message = messages[0] if messages else {}
    # One system message, not two: many chat templates take no second.
    if first.get("role") == "system" and isinstance(first.get("content"), str):
        return [{**first, "content": f"{first['content']}\n\n{told}"}, *messages[1:]]
    return [{"role": "system", "content": told}, *messages]

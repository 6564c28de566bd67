"""What is sent to Anthropic's Messages API: the user's own arguments, and what a mode adds to them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, cast

from anthropic import transform_schema
from anthropic.types import Message as AnthropicMessage

from streamkit.client.completion import first_call
from streamkit.client.json_schema import Schema, WireSchema, wire_schema
from streamkit.client.mode import Mode
from streamkit.client.request import (
    Answered,
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
from streamkit.sources.answer import Answer

__all__ = ["MAX_TOKENS", "ask", "ask_for_calls", "check_mode", "check_source", "spelt"]

MAX_TOKENS = 16_384
"""How long an answer may be where the user does not say: the API has no default, and every current model allows it."""

_SYSTEM = ("system", "developer")
# The API's own words for how an answer ended.
_STOPPED = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_REF = re.compile(r'"\$ref": "#/\$defs/([^"]+)"')


@dataclass(frozen=True)
class _Asked(Asked):
    """A request to the Messages API."""

    def with_choices(self, n: int) -> Asked:
        raise ValueError(f"n={n!r}: Anthropic's API gives one answer to a request; ask {n!r} times")

    def completion(self, answer: Answer, text: str) -> AnthropicMessage:
        finish, called = answer.finish(), first_call(answer)
        block: dict[str, object] = {"type": "text", "text": text}
        if called is not None:
            block = {"type": "tool_use", "id": called.id or "", "name": called.name or "", "input": _object(text) or {}}
        told: dict[str, Any] = {"id": answer.id or "", "model": answer.model or "", "usage": finish.usage}
        reason = _STOPPED.get(finish.reason or "", finish.reason)
        return AnthropicMessage.construct(
            **told, type="message", role="assistant", content=[block], stop_reason=reason, stop_sequence=None
        )

    def takes_back(self, arguments: str) -> bool:
        # Where the model thinks, a call is taken back only together with its thoughts, signed.
        return self.arguments.get("thinking") is None and _object(arguments) is not None

    def with_calls(self, said: str, calls: Sequence[Answered]) -> Asked:
        words: list[object] = [{"type": "text", "text": said}] if said.strip() else []
        uses = [
            {"type": "tool_use", "id": call.called.id, "name": call.called.name, "input": _object(call.text)}
            for call in calls
        ]
        results = [
            {"type": "tool_result", "tool_use_id": call.called.id, "content": call.told, "is_error": call.is_error}
            for call in calls
        ]
        return self.with_more([{"role": "assistant", "content": [*words, *uses]}, {"role": "user", "content": results}])


def ask(response_model: object, mode: Mode, messages: Sequence[Message], request: Arguments) -> Asked:
    """Return the request for one model; see `Api.ask`."""
    check_mode(mode)
    check_model(request)
    if request.get("n") not in (None, 1):
        raise ValueError(f"n={request['n']}: Anthropic's API gives one answer to a request")
    wire = wire_schema(response_model)
    schema = _structured(wire)
    told = ""
    asking: dict[str, object] = {}
    if mode is Mode.TOOLS:
        name = tool_name(response_model)
        choice = {"type": "tool", "name": name, "disable_parallel_tool_use": True}
        asking = {"tools": [_tool(name, wire)], "tool_choice": choice}
    elif mode is Mode.JSON_SCHEMA and schema is not None:
        asking = {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    else:
        told = schema_told(wire.schema, fenced=mode is Mode.MD_JSON)
    return _asked(mode, messages, asking, request, told=told, wrapped=wire.wrapped)


def ask_for_calls(tools: Tools, mode: Mode, messages: Sequence[Message], request: Arguments) -> Asked:
    """Return the request for any number of calls; see `Api.ask_for_calls`."""
    check_mode(mode)
    check_model(request)
    told = [_tool(name, wire) for name, wire in checked_tools(tools).items()]
    return _asked(mode, messages, {"tools": told, "tool_choice": {"type": "any"}}, request)


def check_mode(mode: Mode) -> None:
    """Make sure that the API has a mode.

    Raises:
        ValueError: it does not.
    """
    if mode.is_responses:
        raise ValueError(
            f"Mode.{mode.name} is of OpenAI's Responses API; Anthropic's has Mode.JSON_SCHEMA, TOOLS, JSON, MD_JSON"
        )


def check_source(source: object) -> None:
    """Make sure that an answer is to be read in the one way there is.

    Raises:
        ValueError: it is not.
    """
    if source == "sdk":
        raise ValueError("source='sdk': what Anthropic's API answers is read from its bytes; leave source= out")


def spelt(messages: Sequence[Message], request: Arguments, *, told: str = "") -> dict[str, object]:
    """The arguments of `client.messages.create`.

    What system messages say goes into `system`, behind what stands there; an argument of None is left out.

    Args:
        messages: the chat.
        request: the rest.
        told: what else the system says.
    """
    listed = [dict(each) for each in messages]
    said = [each.get("content") for each in listed if each.get("role") in _SYSTEM]
    chat = [each for each in listed if each.get("role") not in _SYSTEM]
    whole = {"max_tokens": MAX_TOKENS, **request, "system": _system([request.get("system"), *said, told])}
    return {**{key: value for key, value in whole.items() if value is not None}, "messages": chat}


def _asked(
    mode: Mode,
    messages: Sequence[Message],
    asking: Arguments,
    request: Arguments,
    *,
    told: str = "",
    wrapped: bool = False,
) -> Asked:
    merged = {**asking, **request, "n": None, "stream": True}
    # How much effort an answer is worth stands beside its format.
    if isinstance(effort := request.get("output_config"), Mapping):
        merged["output_config"] = {**cast("Schema", asking.get("output_config", {})), **cast("Schema", effort)}
    arguments = spelt(checked(messages), merged, told=told)
    # Who is asked in words alone likes to answer in a fence.
    return _Asked(mode, cast("list[Message]", arguments.pop("messages")), arguments, wrapped, fenced=bool(told))


def _system(parts: Sequence[object]) -> object:
    """One text of several; a list of blocks, if there are blocks among them; None of nothing."""
    parts = [part for part in parts if part]
    if all(isinstance(part, str) for part in parts):
        return "\n\n".join(cast("list[str]", parts)) or None
    blocks: list[object] = []
    for part in parts:
        blocks += [{"type": "text", "text": part}] if isinstance(part, str) else cast("list[object]", part)
    return blocks


def _tool(name: str, wire: WireSchema) -> dict[str, object]:
    schema = _structured(wire)
    # Without eager streaming each value of the input is held back by the server until it is whole.
    tool: dict[str, object] = {
        "name": name,
        "input_schema": schema if schema is not None else _rooted(wire.schema),
        "eager_input_streaming": True,
    }
    if schema is not None:
        tool["strict"] = True
    if description := wire.schema.get("description"):
        tool["description"] = description
    return tool


def _structured(wire: WireSchema) -> Schema | None:
    """The schema as structured outputs take it; None where they cannot: open parts, or a type inside itself."""
    if not wire.strict or _is_recursive(wire.schema):
        return None
    try:
        return transform_schema(wire.schema)
    except (ValueError, AssertionError):  # as it refuses a type that it does not know
        return None


def _is_recursive(schema: Schema) -> bool:
    inside = cast("dict[str, Schema]", schema.get("$defs", {}))
    try:
        TopologicalSorter({name: _REF.findall(json.dumps(each)) for name, each in inside.items()}).prepare()
    except CycleError:
        return True
    return False


def _rooted(schema: Schema) -> Schema:
    """A schema that says `"type": "object"` itself, as that of a tool must."""
    ref = schema.get("$ref")
    if not isinstance(ref, str):
        return schema
    inside = cast("dict[str, Schema]", schema["$defs"])
    return {**inside[ref.rpartition("/")[2]], "$defs": inside}


def _object(text: str) -> Mapping[str, object] | None:
    """A JSON object, if it is one."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None

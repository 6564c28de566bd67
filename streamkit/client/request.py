"""What is sent: the user's own arguments, and what a mode adds to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from streamkit.client.completion import completion_of
from streamkit.client.json_schema import WireSchema, wire_schema
from streamkit.client.mode import Mode

if TYPE_CHECKING:
    from anthropic.types import Message as AnthropicMessage
    from openai.types.chat import ChatCompletion
    from openai.types.responses import Response

    from streamkit.client.json_schema import Schema
    from streamkit.sources.answer import Answer, Called

__all__ = [
    "Answered",
    "Arguments",
    "Asked",
    "Message",
    "Tools",
    "check_model",
    "checked",
    "checked_tools",
    "schema_told",
    "tool_name",
]

Message: TypeAlias = Mapping[str, object]
"""A message of a chat, as the provider's SDK takes it."""

Arguments: TypeAlias = Mapping[str, object]
"""What the SDK's `create` is given, by name."""

Tools: TypeAlias = Mapping[str | None, object]
"""The models of tools, by the tools' names."""


class Answered(NamedTuple):
    """A call, and the answer to it.

    Attributes:
        called: its name and id.
        text: its arguments.
        told: the answer.
        is_error: the answer says what was wrong.
    """

    called: Called
    text: str
    told: str
    is_error: bool


@dataclass(frozen=True)
class Asked:
    """One request.

    Attributes:
        mode: how it asks.
        messages: the chat.
        arguments: the rest of what the SDK's `create` takes.
        wrapped: the schema has a field `value` around what is wanted.
        fenced: the document may stand in a Markdown fence.
    """

    mode: Mode
    messages: Sequence[Message]
    arguments: Arguments
    wrapped: bool = False
    fenced: bool = False

    @property
    def sent(self) -> dict[str, object]:
        """The arguments for `client.chat.completions.create`, or `client.responses.create`."""
        key = "input" if self.mode.is_responses else "messages"
        return {**self.arguments, key: [dict(message) for message in self.messages]}

    @property
    def tool_names(self) -> frozenset[str]:
        """The names of the tools that the request offers."""
        tools = cast("Iterable[Mapping[str, Any]]", self.arguments.get("tools") or ())
        return frozenset(str((tool.get("function") or tool).get("name")) for tool in tools)

    def with_choices(self, n: int) -> Asked:
        """The same, asking for several answers.

        Raises:
            ValueError: it is fewer than one, or the Responses API, which has none.
        """
        if n < 1 or self.mode.is_responses:
            raise ValueError(f"n is how many answers, in the modes of chat completions; got {n!r} in {self.mode.name}")
        return replace(self, arguments={**self.arguments, "n": n})

    def with_more(self, messages: Sequence[Message]) -> Asked:
        """The same, with messages at the end."""
        return replace(self, messages=[*self.messages, *messages])

    def completion(self, answer: Answer, text: str) -> ChatCompletion | Response | AnthropicMessage:
        """The SDK's own object for an answer, as far as it has come."""
        return completion_of(answer, text, is_responses=self.mode.is_responses)

    def takes_back(self, arguments: str) -> bool:
        """Whether a call with such arguments can be sent back as one: servers refuse what is no JSON."""
        try:
            json.loads(arguments)
        except ValueError:
            return False
        return True

    def with_words(self, said: str, told: str) -> Asked:
        """The same, with what the model said, and what it is told of that."""
        before: list[Message] = [{"role": "assistant", "content": said}] if said.strip() else []
        return self.with_more([*before, {"role": "user", "content": told}])

    def with_calls(self, said: str, calls: Sequence[Answered]) -> Asked:
        """The same, with what the model called, and what it is told of each call.

        Args:
            said: what it said besides.
            calls: all calls of one answer; each has an id, and arguments that can be taken back.
        """
        if self.mode.is_responses:
            before: list[Message] = [{"role": "assistant", "content": said}] if said.strip() else []
            return self.with_more([*before, *(item for call in calls for item in _as_items(call))])
        told: list[Message] = [{"role": "tool", "tool_call_id": call.called.id, "content": call.told} for call in calls]
        called = [
            {"id": call.called.id, "type": "function", "function": {"name": call.called.name, "arguments": call.text}}
            for call in calls
        ]
        return self.with_more([{"role": "assistant", "content": said or None, "tool_calls": called}, *told])


def _as_items(call: Answered) -> Sequence[Message]:
    return [
        {"type": "function_call", "call_id": call.called.id, "name": call.called.name, "arguments": call.text},
        {"type": "function_call_output", "call_id": call.called.id, "output": call.told},
    ]


def tool_name(model: object) -> str:
    """A name for a type that the wire allows."""
    return re.sub(r"\W", "_", str(getattr(model, "__name__", model)), flags=re.ASCII)[:64]


def checked_tools(tools: Tools) -> Mapping[str, WireSchema]:
    """The schemas of some tools.

    Raises:
        ValueError: the arguments of one are not an object.
    """
    schemas = {str(name): wire_schema(model) for name, model in tools.items()}
    for name, model in tools.items():
        if schemas[str(name)].wrapped:
            raise ValueError(f"a tool's arguments are an object, and {name} is none: {model!r:.80}")
    return schemas


def checked(messages: object) -> Sequence[Message]:
    """The messages, if that is what was given.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(messages, Iterable) or isinstance(messages, (str, bytes, Mapping)):
        raise TypeError(f"messages is a list of {{'role': ..., 'content': ...}}, got {messages!r:.80}")
    listed = list(cast("Iterable[object]", messages))
    for at, each in enumerate(listed):
        if not isinstance(each, Iterable) or isinstance(each, (str, bytes)):
            raise TypeError(f"messages is a list of {{'role': ..., 'content': ...}}, got {each!r:.80} at {at}")
    return cast("list[Message]", listed)


def check_model(request: Arguments) -> None:
    """Make sure that a model is named.

    Raises:
        TypeError: it is not.
    """
    if request.get("model") is None:
        raise TypeError(
            "which model? give model=..., here or where the client is made; from_provider() takes it from its name"
        )


def schema_told(schema: Schema, *, fenced: bool) -> str:
    """The words that ask for a document with a schema."""
    how = "JSON in a Markdown code block (```json)" if fenced else "JSON, and nothing else,"
    return f"Answer with {how} that fits this JSON Schema:\n{json.dumps(schema)}"

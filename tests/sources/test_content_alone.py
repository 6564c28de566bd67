"""An object of the SDK that says nothing but content is read by a shorter way: the same comes out."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDelta

from streamkit.changes.change import Finish
from streamkit.errors import SourceFailed
from streamkit.sources.answer import Piece
from streamkit.sources.openai_wires import ChatReader, content_alone, fields
from streamkit.sources.pieces import ObjectWire

# As the SDK builds it, without checking.
made: Any = ChatCompletionChunk.construct
USAGE = {"completion_tokens": 1, "prompt_tokens": 2, "total_tokens": 3}
CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{"}}
# What a delta, a choice and a chunk may have beside what they need; None and "" stand for what says nothing.
DELTA: dict[str, list[Any]] = {
    "content": ["", None, "a", "é\n", ["b"], [{"type": "text", "text": "c"}], 7],
    "role": ["assistant"],
    "tool_calls": [None, [], [CALL], [None]],
    "refusal": [None, "", "no"],
    "reasoning_content": [None, "", "hm"],
    "reasoning": [None, "well"],
    "audio": [None, {"id": "a"}],
}
CHOICE: dict[str, list[Any]] = {
    "index": [0, 1, None],
    "finish_reason": [None, "", "stop", "error"],
    "logprobs": [None, {"content": []}],
}
CHUNK: dict[str, list[Any]] = {
    "id": ["", "1", None],
    "model": ["", "m"],
    "usage": [None, USAGE],
    "error": [None, "", {"message": "busy"}],
    "object": ["chat.completion.chunk", "error"],
    "obfuscation": ["xx"],
}


def some(of: dict[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in of.items()})


def with_delta(choice: dict[str, Any], delta: dict[str, Any] | None) -> dict[str, Any]:
    return {**choice, "delta": delta}


def with_choices(chunk: dict[str, Any], choices: list[dict[str, Any] | None] | None) -> dict[str, Any]:
    return {**chunk, "choices": choices}


CHOICES = st.builds(with_delta, some(CHOICE), some(DELTA) | st.none())
NO_CHOICES: list[list[dict[str, Any] | None] | None] = [[], None]
CHUNKS = st.builds(
    with_choices, some(CHUNK), st.lists(CHOICES | st.none(), min_size=1, max_size=2) | st.sampled_from(NO_CHOICES)
)


def read(
    events: Sequence[dict[str, Any]], *, short: bool
) -> tuple[list[Sequence[Piece]], str | None, Finish, Finish, str]:
    """All that is said of the events, and known of the answer after them."""
    reader = ChatReader(fields)
    wire = ObjectWire(reader, content_alone) if short else ObjectWire(reader)
    pieces: list[Sequence[Piece]] = []
    for event in events:
        if not wire.done:
            pieces.append([*wire.feed(made(**event))])
    answer = wire.answer
    failed: SourceFailed | None = wire.error
    return pieces, answer.id, answer.finish(0), answer.finish(1), f"{failed!r} {answer.model} {answer.calls}"


KNOWN: dict[str, Any] = {"id": "1", "model": "m", "choices": []}


@given(st.lists(CHUNKS, max_size=8), st.booleans())
def test_the_same_comes_out(events: list[dict[str, Any]], known: bool) -> None:
    events = [KNOWN, *events] if known else events
    assert read(events, short=True) == read(events, short=False)


def chunk(*, delta: dict[str, Any] | None = None, choice: dict[str, Any] | None = None, **more: Any) -> Any:
    said = {"index": 0, "finish_reason": None, **(choice or {}), "delta": {"content": "a", **(delta or {})}}
    return made(**{"id": "1", "model": "m", "choices": [said], **more})


@pytest.mark.parametrize(
    "event",
    [
        chunk(),
        chunk(delta={"role": "assistant", "reasoning_content": None}),
        chunk(obfuscation="xx", x_groq={"id": "g"}, choice={"logprobs": {"content": []}}),
    ],
)
def test_content_alone_takes_the_shorter_way(event: Any) -> None:
    assert list(content_alone(event)) == [((0, "content"), "a")]


def test_content_alone_of_another_choice() -> None:
    assert list(content_alone(chunk(choice={"index": 2}))) == [((2, "content"), "a")]


@pytest.mark.parametrize(
    "event",
    [
        chunk(delta={"tool_calls": [CALL]}),
        chunk(delta={"refusal": "no"}),
        chunk(delta={"reasoning_content": "hm"}),
        chunk(delta={"content": None}),
        chunk(delta={"content": [{"type": "text", "text": "c"}]}),
        chunk(choice={"finish_reason": "stop"}),
        chunk(usage=USAGE),
        chunk(error={"message": "busy"}),
        chunk(choices=[]),
        {"choices": [{"delta": {"content": "a"}}]},
    ],
)
def test_what_says_more_does_not(event: Any) -> None:
    assert list(content_alone(event)) == []


def test_what_a_class_of_ones_own_declares() -> None:
    class Delta(ChoiceDelta):
        reasoning_content: str | None = None

    said = chunk()
    said.choices[0].delta = Delta(content="a", reasoning_content="hm")
    assert list(content_alone(said)) == []
    assert list(ChatReader(fields).read(said)) == [((0, "content"), "a"), ((0, "reasoning"), "hm")]


def test_the_first_ones_tell_who_answers() -> None:
    wire = ObjectWire(ChatReader(fields), content_alone)
    for id_, model in (("", ""), ("2", ""), ("2", "m")):
        wire.feed(chunk(id=id_, model=model))
    assert (wire.answer.id, wire.answer.model) == ("2", "m")

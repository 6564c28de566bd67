"""Events that are like the one before are read without parsing: whatever they hold, the same comes out."""

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.errors import ProviderError
from streamkit.sources.answer import Piece
from streamkit.sources.openai_wires import ChatReader
from streamkit.sources.pieces import EventWire


def body(*events: bytes) -> bytes:
    return b"".join(b"data: " + event + b"\n\n" for event in events)


def parsed(*events: bytes) -> list[Piece]:
    """What the reader says of each event, parsed by the standard library."""
    reader = ChatReader()
    return [piece for event in events for piece in reader.read(json.loads(event))]


def read(*events: bytes) -> list[Piece]:
    return EventWire(ChatReader()).feed(body(*events))


def event(delta: Mapping[str, Any], *, compact: bool = True, **more: Any) -> bytes:
    separators = (",", ":") if compact else (", ", ": ")
    chunk = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **more}
    return json.dumps(chunk, separators=separators, ensure_ascii=False).encode()


TEXTS = st.lists(st.text(st.characters(codec="utf-8")) | st.sampled_from(['":"', "\\", '"', "\n", "é", "😀", "}]}"]))


@given(TEXTS, st.booleans(), st.booleans(), st.booleans())
def test_content_calls_and_padding(texts: list[str], compact: bool, padded: bool, calls: bool) -> None:
    events: list[bytes] = []
    for at, text in enumerate(texts):
        delta = {"tool_calls": [{"index": 1, "function": {"arguments": text}}]} if calls else {"content": text}
        more = {"obfuscation": "x" * (at % 5)} if padded else {}
        events.append(event(delta, compact=compact, **more))
    assert read(*events) == parsed(*events)


@given(st.lists(st.sampled_from("abcdefgh"), max_size=40))
def test_any_order_of_different_events(names: list[str]) -> None:
    kinds = {
        "a": event({"content": "x"}),
        "b": event({"content": "y"}, usage={"total_tokens": 1}),
        "c": event({"content": "z", "reasoning": "r"}),
        "d": event({"content": "ä\\u00e4"}).replace(b"\\\\", b"\\"),
        "e": event({"tool_calls": [{"index": 0, "function": {"arguments": '{"content":"q"}'}}]}),
        "f": event({"content": [{"type": "text", "text": "part"}], "x": {"content": "no"}}),
        "g": event({"content": ""}),
        "h": event({"content": "x"}).replace(b'"finish_reason":null', b'"finish_reason":"stop"'),
    }
    events = [kinds[name] for name in names]
    wire, reader = EventWire(ChatReader()), ChatReader()
    pieces = wire.feed(body(*events))
    assert pieces == [piece for each in events for piece in reader.read(json.loads(each))]
    assert wire.answer.finish() == reader.answer.finish()


def test_a_string_that_is_not_what_makes_the_piece() -> None:
    events = [event({"content": [{"type": "text", "text": "a"}]}, x={"content": text}) for text in ("a", "b", "c")]
    assert read(*events) == parsed(*events) == [((0, "content"), "a")] * 3


@pytest.mark.parametrize("inside", [b"\xff", b"\x01", b"\\x", b"\\ud83d", b'"', b'x","content":"y'])
def test_what_is_no_string_is_parsed(inside: bytes) -> None:
    good = event({"content": "a"})
    wire = EventWire(ChatReader())
    pieces = wire.feed(body(good, good, good.replace(b'"a"', b'"' + inside + b'"')))
    assert pieces[:2] == [((0, "content"), "a")] * 2
    assert isinstance(wire.error, ProviderError) or pieces[2:] == [((0, "content"), "y")]


def test_events_that_are_never_alike_are_not_compared_for_ever() -> None:
    wire = EventWire(ChatReader())
    for at in range(30):
        assert wire.feed(body(event({"content": "a"}, created=at))) == [((0, "content"), "a")]
    repeats = cast("Any", wire)._repeats
    assert (repeats._size, repeats._misses > 8) == (0, True)

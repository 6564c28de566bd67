"""Events that are like the one before are read without parsing: whatever they hold, the same comes out."""

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streamkit.sources.pieces
from streamkit.changes.change import Finish
from streamkit.errors import ProviderError
from streamkit.sources.answer import Piece, Reader
from streamkit.sources.anthropic_wire import AnthropicReader
from streamkit.sources.openai_wires import ChatReader
from streamkit.sources.pieces import EventWire
from streamkit.sources.repeats import Repeats


def body(*events: bytes) -> bytes:
    return b"".join(b"data: " + event + b"\n\n" for event in events)


def parsed(*events: bytes) -> list[Piece]:
    """What the reader says of each event, parsed by the standard library."""
    reader = ChatReader()
    return [piece for event in events for piece in reader.read(json.loads(event))]


def read(*events: bytes) -> list[Piece]:
    return list(EventWire(ChatReader()).feed(body(*events)))


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


NEWLINES = st.sampled_from([b"\n", b"\r\n", b"\r"])
BEFORE = st.sampled_from([b"", b"event: message", b": a comment", b"id: 1"])


@given(TEXTS, NEWLINES, BEFORE, st.booleans(), st.data())
def test_however_the_body_is_read(
    texts: list[str], newline: bytes, before: bytes, padded: bool, data: st.DataObject
) -> None:
    more: list[dict[str, Any]] = [{"obfuscation": "x" * (at % 5)} if padded else {} for at in range(len(texts))]
    events = [event({"content": text}, **each) for text, each in zip(texts, more, strict=True)]
    first = before + newline if before else b""
    reads = [first + b"data: " + each + newline * 2 for each in events]
    if data.draw(st.booleans()):
        whole = b"".join(reads)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
        reads = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    wire = EventWire(ChatReader())
    assert [piece for each in reads for piece in wire.feed(each)] == parsed(*events)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("padding", [{}, {"obfuscation": "xyz"}])
def test_events_that_are_read_alone_are_not_even_framed(newline: bytes, padding: dict[str, Any]) -> None:
    wire = EventWire(ChatReader())
    for text in "abc":
        wire.feed(b"event: e" + newline + b"data: " + event({"content": text}, **padding) + newline * 2)
    cast("Any", wire)._framer = None
    for text in ("d", "\\n", "é😀", "\\u00e9"):
        last = event({"content": "?"}, **padding).replace(b"?", text.encode())
        read = b"event: e" + newline + b"data: " + last + newline * 2
        assert list(wire.feed(read)) == parsed(last)


@pytest.mark.parametrize("other", [b"event: f\ndata: {}\n\n", b"data: [DONE]\n\n", b": ping\n\n"])
def test_a_read_that_holds_more_than_one_event_is_framed(other: bytes) -> None:
    good = b"data: " + event({"content": "a"}) + b"\n\n"
    for reads in ([good, good, good + other], [good, good, other + good], [good, good, good[:30], good[30:], other]):
        wire = EventWire(ChatReader())
        assert [piece for each in reads for piece in wire.feed(each)] == EventWire(ChatReader()).feed(b"".join(reads))


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


def told(reader: Reader, *events: bytes) -> tuple[list[Piece], Finish, int]:
    """What the wire says of events, and what is known in the end."""
    wire = EventWire(reader)
    return list(wire.feed(body(*events))), wire.answer.finish(), len(wire.answer.calls)


def test_a_refusal_beside_empty_content_comes_once() -> None:
    events = [event({"content": "", "refusal": text}) for text in ("I can", "not", "?")]
    pieces = [((0, "refusal"), text) for text in ("I can", "not", "?")]
    assert told(ChatReader(), *events) == (pieces, Finish(None, None, "I cannot?", ended=False), 0)


def test_the_input_of_a_tool_use_is_one_call() -> None:
    block = {"type": "tool_use", "id": "t", "name": "f", "input": {"text": "a"}}
    opened = {"type": "content_block_start", "index": 0, "content_block": block}
    events = [json.dumps(each, separators=(",", ":")).encode() for each in (opened, {**opened, "index": 1})]
    pieces = [((0, at), '{"text":"a"}') for at in (0, 1)]
    assert told(AnthropicReader(), *events) == (pieces, Finish(ended=False), 2)


def test_another_string_beside_the_one_that_makes_the_piece() -> None:
    events = [event({"reasoning": "?"}, text=text) for text in ("a", "b", "?", "c")]
    events += [event({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": each}]}) for each in "?bc"]
    assert read(*events) == parsed(*events)


def test_events_that_repeat_are_not_parsed() -> None:
    events = [event({"content": text}) for text in "abcd"]
    wire = EventWire(ChatReader())
    wire.feed(body(*events))
    repeats = cast("Any", wire)._repeats
    assert repeats.read(event({"content": "e"})) == (((0, "content"), "e"),)


@pytest.mark.parametrize("inside", [b"\xff", b"\x01", b"\\x", b"\\u12", b'"', b'x","content":"y'])
def test_what_is_no_string_is_parsed(inside: bytes) -> None:
    good = event({"content": "a"})
    wire = EventWire(ChatReader())
    pieces = wire.feed(body(good, good, good.replace(b'"a"', b'"' + inside + b'"')))
    assert pieces[:2] == [((0, "content"), "a")] * 2
    assert isinstance(wire.error, ProviderError) or pieces[2:] == [((0, "content"), "y")]


def test_a_byte_order_mark_is_one_only_where_the_body_begins() -> None:
    mark = b"\xef\xbb\xbf"
    events = [mark + body(event({"content": text})) for text in "abc"]
    wire = EventWire(ChatReader())
    assert [list(wire.feed(each)) for each in (b"", *events)] == [[], [((0, "content"), "a")], [], []]


def test_events_that_are_never_alike_are_not_compared_for_ever() -> None:
    wire = EventWire(ChatReader())
    for at in range(30):
        assert wire.feed(body(event({"content": "a"}, created=at))) == [((0, "content"), "a")]
    repeats = cast("Any", wire)._repeats
    assert (repeats._event, repeats._misses > 8) == (None, True)


ODD_TEXTS = [
    "a",
    "",
    "?",
    "\u2028",
    "\x00",
    "\x7f",
    "\ufeff",
    "é",
    '"}]}',
    '":"',
    "data: x",
    "[DONE]",
    "\\",
    '","obfuscation":"',
]
SHAPES: list[Callable[[str], bytes]] = [
    lambda text: event({"content": text}),
    lambda text: event({"content": text}, compact=False),
    lambda text: event({"content": text}).replace(b'"index":0', b'"index":1'),
    lambda text: event({"refusal": text}),
    lambda text: event({"content": text}, usage={"total_tokens": 1}),
    lambda text: event({"content": text}, usage={"total_tokens": 2}),
    lambda text: event({"content": text}).replace(b'reason":null', b'reason":"stop"'),
    lambda text: event({"content": text}, obfuscation="xy"),
    lambda text: event({"content": text}, obfuscation=text),
    lambda text: event({"content": "a", "text": text}),
    lambda text: event({"content": text}).replace(b'"content"', b'"content":"a","content"'),
    lambda text: event({"content": text}).replace(b'"}', b'","content":"a"}'),
    lambda text: event({"tool_calls": [{"index": 0, "function": {"arguments": text}}]}),
    lambda text: event({"tool_calls": [{"index": 1, "function": {"arguments": text}}]}),
    lambda text: event({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": text}}]}),
    lambda text: event({"tool_calls": [{"index": 0, "id": "b", "function": {"name": "f", "arguments": text}}]}),
    lambda text: event({}, usage={"total_tokens": 3}),
    lambda text: b"[DONE]" + text.encode("unicode_escape"),
]
BEFORE_IT = [
    b"",
    b": a comment\n",
    b"event: e\n",
    b"\n",
    b"data\n\n",
    b"data\n",
    b"\xef\xbb\xbf\n",
    b": EVENT\n",
    b"id: EVENT\n",
]
AROUND = st.tuples(st.sampled_from(BEFORE_IT), st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\n: ping\n"]))


@st.composite
def dialects(draw: st.DrawFn) -> list[bytes]:
    """Reads of one answer: a few shapes of events, most of them alone in a read, with the same around each."""
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=2))
    around = draw(st.lists(AROUND, min_size=1, max_size=2))
    texts = st.sampled_from(["a", "", "b"]) | st.sampled_from(ODD_TEXTS)
    reads: list[bytes] = []
    for shape, text, (before, after) in draw(
        st.lists(st.tuples(st.sampled_from(shapes), texts, st.sampled_from(around)), max_size=12)
    ):
        data = shape(text)
        reads.append(before.replace(b"EVENT", shape(draw(texts))) + b"data: " + data + after)
    at = draw(st.integers(0, len(reads)))
    cut = draw(st.integers(0, 80))
    joined = b"".join(reads[at : at + 2])
    return [*reads[:at], *(each for each in (joined[:cut], joined[cut:]) if each), *reads[at + 2 :]]


def told_of(wire: EventWire) -> tuple[object, ...]:
    answer = wire.answer
    ends = [answer.finish(choice) for choice in (0, 1)]
    return (wire.done, repr(wire.error), wire.heard, ends, answer.calls, answer.closed)


class Forgetful(Repeats):
    def learn(self, data: bytes, piece: Piece, parse: Callable[[bytes], Sequence[Piece]]) -> None: ...


def one_by_one(reads: list[bytes]) -> tuple[list[Piece], tuple[object, ...]]:
    """What comes of them where nothing is remembered."""
    wire = EventWire(ChatReader())
    cast("Any", wire)._repeats = Forgetful()
    return fed(wire, reads)


def fed(wire: EventWire, reads: list[bytes]) -> tuple[list[Piece], tuple[object, ...]]:
    pieces: list[Piece] = []
    for read in reads:
        if wire.done:
            break
        pieces += wire.feed(read)
    return pieces, told_of(wire)


@settings(max_examples=1000)
@given(dialects())
def test_nothing_that_is_remembered_can_be_told(reads: list[bytes]) -> None:
    assert fed(EventWire(ChatReader()), reads) == one_by_one(reads)


def one(*, content: str, choice: int = 0, **more: Any) -> bytes:
    return body(event({"content": content}, **more).replace(b'"index":0', b'"index":%d' % choice))


def test_an_event_without_text_may_be_of_another_choice() -> None:
    reads = [one(content="a"), one(content="b"), one(content="", choice=1), one(content="c", choice=1)]
    pieces, _ = fed(EventWire(ChatReader()), reads)
    assert pieces == [((0, "content"), "a"), ((0, "content"), "b"), ((1, "content"), "c")]


def test_counts_that_are_told_between_events_that_are_alike() -> None:
    counts: list[dict[str, Any]] = [{"usage": {"total_tokens": at}} for at in (1, 2)]
    reads = [one(content="a", **counts[0]), body(event({}, **counts[1])), one(content="b", **counts[0])]
    wire = EventWire(ChatReader())
    fed(wire, reads)
    assert wire.answer.usage == {"total_tokens": 1}


def test_a_comment_that_looks_like_the_event() -> None:
    first, second = event({"content": "a"}), event({"content": "b"})
    reads = [b": " + comment + b"\n" + body(first) for comment in (first, first, second)]
    assert fed(EventWire(ChatReader()), reads)[0] == [((0, "content"), "a")] * 3


def test_many_calls_are_not_copied_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[int] = []

    def counting(reader: ChatReader) -> ChatReader:
        copied.append(len(reader.answer.calls))
        return deepcopy(reader)

    monkeypatch.setattr(streamkit.sources.pieces, "deepcopy", counting)
    calls = [[{"index": at, "function": {"arguments": text}}] for at in range(300) for text in "abc"]
    assert len(read(*(event({"tool_calls": each}) for each in calls))) == 900
    assert 0 < len(copied) < 100

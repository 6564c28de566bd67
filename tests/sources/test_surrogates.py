"""A character that was cut between its surrogates is whole again, on whichever way the halves come."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

from streamkit.errors import ProviderError
from streamkit.sources.answer import Piece
from streamkit.sources.openai_wires import ChatReader, content_alone, fields
from streamkit.sources.pieces import EventWire, ObjectWire
from streamkit.sources.surrogates import SurrogateJoiner

# As the SDK builds it, without checking.
made: Any = ChatCompletionChunk.construct
TEXT = st.text(st.sampled_from('a"\\é😀🜁\u200d'))


def units(text: str) -> list[str]:
    """The text as JavaScript counts it: one string for each UTF-16 code unit, half characters as lone surrogates."""
    data = text.encode("utf-16-le", "surrogatepass")
    return [data[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(data), 2)]


def cut(text: str, at: Sequence[int]) -> list[str]:
    """The text in pieces that may each begin or end with half a character."""
    each = units(text)
    places = sorted({place % (len(each) + 1) for place in at})
    pieces = ["".join(each[a:b]) for a, b in zip([0, *places], [*places, len(each)], strict=True)]
    return [whole(piece) for piece in pieces if piece]


def whole(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def chunks(pieces: Sequence[str], **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}], **more}
        for piece in ["", *pieces]
    ]


def events(of: Sequence[dict[str, Any]]) -> list[bytes]:
    return [b"data: " + json.dumps(each).encode() + b"\n\n" for each in of]


def text(pieces: Sequence[Sequence[Piece]]) -> str:
    return "".join(said for each in pieces for _, said in each)


@given(TEXT, st.lists(st.integers(0, 50)))
def test_the_bytes_of_halves(said: str, at: list[int]) -> None:
    wire = EventWire(ChatReader())
    assert text([wire.feed(read) for read in events(chunks(cut(said, at)))]) == said
    together = EventWire(ChatReader())
    assert text([together.feed(b"".join(events(chunks(cut(said, at)))))]) == said


@given(TEXT, st.lists(st.integers(0, 50)))
def test_the_objects_of_halves(said: str, at: list[int]) -> None:
    wire = ObjectWire(ChatReader(fields), content_alone)
    assert text([wire.feed(made(**each)) for each in chunks(cut(said, at))]) == said


def test_each_place_has_its_own() -> None:
    halves = SurrogateJoiner()
    assert list(halves.joined([((0, "content"), "a\ud83d"), ((1, "content"), "\ud83d")])) == [((0, "content"), "a")]
    assert list(halves.joined([((1, "content"), "\ude01b")])) == [((1, "content"), "😁b")]
    assert list(halves.joined([((0, "content"), "\ude00")])) == [((0, "content"), "😀")]


def test_a_half_whose_other_never_comes_stays_what_it_is() -> None:
    halves = SurrogateJoiner()
    assert list(halves.joined([((0, "content"), "\ud83d")])) == []
    assert list(halves.joined([((0, "content"), "b")])) == [((0, "content"), "\ud83db")]


def test_half_a_character_where_nobody_looks() -> None:
    wire = EventWire(ChatReader())
    reads = events(chunks(["o", "k"], logprobs={"token": "\ud83d"}))
    assert text([wire.feed(read) for read in reads]) == "ok"


@pytest.mark.parametrize("data", [b'{"a": "\\ud83d"', b'{"a": "\\u12"}', b'{"\\ud83d": ' + b"[" * 100_000])
def test_what_is_no_json_still_is_none(data: bytes) -> None:
    wire = EventWire(ChatReader())
    wire.feed(b"data: " + data + b"\n\n")
    assert isinstance(wire.error, ProviderError)
    assert "is not JSON" in str(wire.error)

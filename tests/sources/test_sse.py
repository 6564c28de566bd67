"""Framing Server-Sent Events: the standard's rules, at every split, against an independent reader."""

from collections.abc import Iterator
from contextlib import suppress
from random import Random
from time import process_time

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit import Change, Mode, ProviderError, from_openai
from streamkit.sources.sse import EventTooLarge, Framer
from streamkit.testing import LoopbackServer, chat_events, every_split, random_split

BODIES: dict[str, tuple[bytes, list[bytes]]] = {
    "one": (b"data: a\n\n", [b"a"]),
    "no space after the colon, or two": (b"data:a\n\ndata:  b\n\n", [b"a", b" b"]),
    "CR": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    "all three": (b"data: a\r\ndata: b\rdata: c\n\r\n", [b"a\nb\nc"]),
    "a byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    "a mark in the middle is none": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
    "comments": (b": ping\n\n:\ndata: a\n: b\n\n", [b"a"]),
    "other fields": (b"event: x\nid: 1\nretry: 5\ndata: a\n\ndatabase: b\nDATA: c\n\n", [b"a"]),
    "a field without a colon": (b"data\ndata: a\ndata\n\n", [b"\na\n"]),
    "empty data is no event": (b"data:\n\ndata\n\ndata: a\n\n", [b"a"]),
    "two empty lines of data are one": (b"data\ndata\n\n", [b"\n"]),
    "blank lines": (b"\n\n\ndata: a\n\n\n\n", [b"a"]),
    "an event that does not end": (b"data: a\n\ndata: b\n", [b"a"]),
    "a line that does not end": (b"data: a\n\ndata: b", [b"a"]),
    "other line ends are data": ("data: a\u2028b\x0bc\x85\n\n".encode(), ["a\u2028b\x0bc\x85".encode()]),
}


def framed(pieces: list[bytes]) -> list[bytes]:
    framer = Framer()
    return [event for piece in pieces for event in framer.feed(piece)]


@pytest.mark.parametrize("name", BODIES)
def test_the_rules_at_every_split(name: str) -> None:
    body, expected = BODIES[name]
    for pieces in every_split(body):
        assert framed(pieces) == expected
    assert framed([body[i : i + 1] for i in range(len(body))]) == expected
    assert framed([b"", body, b""]) == expected


def slowly(body: bytes) -> list[bytes]:
    """The standard's algorithm, line by line over the whole body."""
    text = body.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events: list[bytes] = []
    data: list[bytes] = []
    for line in text.split(b"\n")[:-1]:
        name, _, value = line.partition(b":")
        if line and name == b"data":
            data.append(value.removeprefix(b" "))
        elif not line:
            if data and data != [b""]:
                events.append(b"\n".join(data))
            data = []
    return events


@given(
    st.lists(st.sampled_from([b"data", b":", b" ", b"x", b"\r", b"\n", b"\r\n", b"\n\n", b"id", b"\xef\xbb\xbf"])),
    st.randoms(),
)
def test_any_bytes_at_any_split(tokens: list[bytes], random: Random) -> None:
    body = b"".join(tokens)
    assert framed(random_split(body, random)) == slowly(body) == framed([body])


def test_an_event_is_given_by_the_read_that_ends_it() -> None:
    framer = Framer()
    assert framer.feed(b"data: a\r\n\r") == [b"a"]
    assert framer.feed(b"\ndata: b\n") == []
    assert framer.feed(b"\ndata: c\n\ndata: d\n\n") == [b"b", b"c", b"d"]


def test_an_event_of_many_lines_costs_linear_time() -> None:
    def seconds(lines: int, size: int) -> float:
        body = b"data: " + b"x" * 100 + b"\n"
        pieces = [body * size] * (lines // size)
        start = process_time()
        [event] = framed([*pieces, b"\n"])
        assert len(event) == 101 * lines - 1
        return process_time() - start

    for size in (1, 10, 40_000):
        assert seconds(40_000, size) < 0.5  # 19 s if each line copies the event
    body = b"data: " + b"x" * 400_000 + b"\n\n"
    start = process_time()
    assert len(framed([body[at : at + 10] for at in range(0, len(body), 10)])[0]) == 400_000
    assert process_time() - start < 0.5


LONG = b"data: " + b"x" * 34 + b"\n"
SHORT = b"data: " + b"y" * 14 + b"\n"
FIRST = b"data: a\n\n"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (FIRST + LONG + b"x\n\n", None),
        (FIRST + b"data: x" + LONG + b"\n", "a line of more than 40 bytes"),
        (FIRST + b"x" * 41, "a line of more than 40 bytes"),
        (FIRST + b":" * 41 + b"\n\n", "a line of more than 40 bytes"),
        (FIRST + SHORT * 4 + b"\n", None),
        (FIRST + SHORT * 4 + b"data\n" * 2 + b"\n", "an event of more than 60 bytes"),
        (FIRST + SHORT * 5 + b"\n" + FIRST, "an event of more than 60 bytes"),
        (FIRST + LONG + b"data\n" * 27, "an event of more than 60 bytes"),
        (FIRST + FIRST * 8, None),
    ],
)
def test_what_is_too_large_is_refused_at_every_split(
    monkeypatch: pytest.MonkeyPatch, body: bytes, what: str | None
) -> None:
    monkeypatch.setattr("streamkit.sources.sse.MAX_LINE", 40)
    monkeypatch.setattr("streamkit.sources.sse.MAX_EVENT", 60)

    def outcome(pieces: list[bytes]) -> tuple[list[bytes], str | None]:
        framer, events = Framer(), list[bytes]()
        try:
            for piece in pieces:
                events += framer.feed(piece)
        except EventTooLarge as error:
            return [*events, *error.events], str(error)
        return events, None

    for pieces in [*every_split(body), [body[i : i + 1] for i in range(len(body))]]:
        events, error = outcome(pieces)
        assert events[0] == b"a"
        assert (error is None) == (what is None)
        if what is not None:
            assert f"sent {what} in its stream" in str(error)
            assert len(events) == 1


def test_a_line_without_end_takes_bounded_memory() -> None:
    with pytest.raises(ProviderError, match=r"a line of more than 16,777,216 bytes"):
        framed([b"x" * 65_536] * 10_000)


def test_a_provider_that_sends_a_line_without_end_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamkit.sources.sse.MAX_LINE", 10_000)
    begun = chat_events(['"Jo'])[:2]
    with (
        LoopbackServer([*begun, b"data: " + b"x" * 20_000]) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk,
        from_openai(sdk).stream(str, messages=[{"role": "user", "content": "x"}], model="m", mode=Mode.JSON) as run,
    ):
        ops = [change.op for change in without_error(run)]
        with pytest.raises(ProviderError, match="a line of more than 10,000 bytes"):
            run.result()
    assert ops == ["add", "end"]


def without_error(run: Iterator[Change[str]]) -> Iterator[Change[str]]:
    with suppress(ProviderError):
        yield from run

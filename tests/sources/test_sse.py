"""Framing Server-Sent Events: the standard's rules, at every split, against an independent reader."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.sources.sse import Framer
from streamkit.testing import every_split, random_split

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

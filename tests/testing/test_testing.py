"""What `streamkit.testing` promises to those who test with it."""

import time
from math import comb
from random import Random

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.sources import Read, Recorded
from streamkit.testing import Answer, LoopbackServer, chat_events, every_split, random_split


@given(st.text(min_size=1, max_size=8))
def test_every_split_is_every_one(text: str) -> None:
    splits = [tuple(pieces) for pieces in every_split(text)]
    cuts = len(text) - 1
    assert len(set(splits)) == len(splits) == 1 + cuts + comb(cuts, 2)
    assert all("".join(pieces) == text and all(pieces) for pieces in splits)
    assert all(b"".join(pieces) == text.encode() for pieces in every_split(text.encode()))


@given(st.binary(min_size=1), st.integers(), st.none() | st.integers(1, 9))
def test_a_random_split_is_one(data: bytes, seed: int, pieces: int | None) -> None:
    split = random_split(data, Random(seed), pieces=pieces)
    assert b"".join(split) == data
    assert all(split)
    assert split == random_split(data, Random(seed), pieces=pieces)
    assert pieces is None or len(split) == min(pieces, len(data))


def test_an_empty_text_is_one_piece() -> None:
    assert random_split("", Random(0)) == [""]
    assert list(every_split("")) == [[""]]


def test_the_server_tells_what_it_saw() -> None:
    with LoopbackServer([b"a", b"", b"b"], Answer([b"{}"], status=500, content_type="text/plain")) as server:
        first = httpx2.post(f"{server.base_url}/x?y", json={"a": 1}, headers={"X-Tell": "this"})
        second = httpx2.get(f"http://127.0.0.1:{server.port}/")
        third = httpx2.get(f"http://127.0.0.1:{server.port}/")
        seen = server.requests[0]
        assert all(each.wait() for each in server.requests)
    assert (first.text, first.headers["content-type"]) == ("ab", "text/event-stream")
    assert (second.status_code, second.text, second.headers["content-type"]) == (500, "{}", "text/plain")
    assert third.status_code == 500
    assert (seen.method, seen.path, seen.json, seen.headers["x-tell"]) == ("POST", "/v1/x?y", {"a": 1}, "this")
    assert (seen.sent, seen.done, seen.left) == (2, True, None)
    assert [each.method for each in server.requests] == ["POST", "GET", "GET"]
    with pytest.raises(TypeError, match="an answer to give"):
        LoopbackServer()


def test_the_server_keeps_the_pace() -> None:
    body = Recorded([Read(at, b"x") for at in (0.0, 0.1, 0.2)], speed=1.0)
    with LoopbackServer(body) as server, httpx2.stream("GET", server.base_url) as response:
        start = time.monotonic()
        arrived = [time.monotonic() - start for _ in response.iter_raw()]
    assert len(arrived) == 3
    assert 0.15 < arrived[-1] - arrived[0] < 0.5


def test_the_server_sees_the_client_leave_and_stops_promptly() -> None:
    body = Recorded([Read(float(at), b"x") for at in range(60)], speed=1.0)
    with LoopbackServer(body) as server:
        with httpx2.stream("GET", server.base_url) as response:
            next(response.iter_raw())
            left = time.monotonic()
        seen = server.requests[0]
        assert seen.wait(2.0)
        assert seen.left is not None
        assert seen.left - left < 0.2
        assert not seen.done


def test_leaving_the_server_ends_what_it_was_saying() -> None:
    body = Recorded([Read(float(at), b"x") for at in range(60)], speed=1.0)
    with LoopbackServer(body) as server:
        response = httpx2.Client().send(httpx2.Request("GET", server.base_url), stream=True)
        pieces = response.iter_raw()
        next(pieces)
        start = time.monotonic()
    assert time.monotonic() - start < 1.0
    with pytest.raises(httpx2.RemoteProtocolError):
        next(pieces)
    assert (server.requests[0].left, server.requests[0].done) == (None, False)


def test_a_dropped_answer_is_no_whole_one() -> None:
    with LoopbackServer(Answer([b"a"], ending="dropped")) as server, pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(server.base_url)


def test_chat_events_leave_out_what_is_not_asked_for() -> None:
    assert len(chat_events([])) == 3
    assert len(chat_events(["a"], finish_reason=None, done=False)) == 2
    *_, usage, done = chat_events([], usage={"total_tokens": 1})
    assert b'"choices": [], "usage": {"total_tokens": 1}' in usage
    assert done == b"data: [DONE]\n\n"

"""Streams of a provider over real sockets: what streamkit adds to the SDK, and what it saves.

The server is another process, so that only the client's CPU time is counted. To have each event read alone
it waits a little between them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import ijson
import ijson.backends.yajl2_c as yajl
import openai
from documents import MeetingInfo, chunked, users
from events import chat_events
from measure import cpu_times
from rows import QUICK, ROUNDS, Row

from streamkit import extract, from_openai
from streamkit.sources import openai_chat
from streamkit.sources.openai import Deltas
from streamkit.sources.openai_wires import ChatReader, content_alone, fields
from streamkit.sources.pieces import ObjectWire, Pieces

_MANY = ROUNDS if QUICK else 3 * ROUNDS
"""Rounds where small differences of long times are asked for."""
_SERVER = """
import socket, sys, time
size, together, pause = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
sys.path.insert(0, sys.argv[4])
from documents import chunked, users
from events import chat_events
events = chat_events(chunked(users(size)))
reads = [b"".join(events[at : at + together]) for at in range(0, len(events), together)]
reads = [b"%x\\r\\n%b\\r\\n" % (len(read), read) for read in reads]
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    asked = b""
    while b"\\r\\n\\r\\n" not in asked:
        asked += connection.recv(65536)
    head, _, body = asked.partition(b"\\r\\n\\r\\n")
    fields = (line.lower().partition(b":") for line in head.split(b"\\r\\n"))
    length = next(int(value) for name, _, value in fields if name == b"content-length")
    while len(body) < length:
        body += connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\nTransfer-Encoding: chunked\\r\\n"
                       b"Connection: close\\r\\n\\r\\n")
    try:
        for read in reads:
            connection.sendall(read)
            if pause:
                time.sleep(pause)
        connection.sendall(b"0\\r\\n\\r\\n")
    except OSError:
        pass
    connection.close()
"""


@contextmanager
def serving(size: int, together: int, pause: float) -> Iterator[openai.OpenAI]:
    """A client of a server that streams a document of so many characters, so many events at once."""
    here = __file__.rpartition("/")[0]
    command = [sys.executable, "-c", _SERVER, str(size), str(together), str(pause), here]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = server.stdout.readline().strip() if server.stdout is not None else ""
            with openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none") as sdk:
                yield sdk
        finally:
            server.terminate()


def ask(sdk: openai.OpenAI) -> openai.Stream[Any]:
    return sdk.chat.completions.create(model="m", messages=[], stream=True)


def objects(sdk: openai.OpenAI) -> None:
    """The SDK's plain iteration, with nothing done."""
    for _ in ask(sdk):
        pass


def body(sdk: openai.OpenAI) -> None:
    """The HTTP client's own bytes, with nothing done."""
    for _ in ask(sdk).response.iter_bytes():
        pass


def found(sdk: openai.OpenAI) -> None:
    """The least that can be done: finding the text in each read, as if it could stand nowhere else."""
    for read in ask(sdk).response.iter_bytes():
        start = read.find(b'"content":"') + len('"content":"')
        read[start : read.find(b'"', start)].decode()


def tokens(sdk: openai.OpenAI) -> None:
    """The same, and a JSON parser in C that reads on where it stopped: it shows no open strings, and knows no types."""
    parser, made = _parser()
    for read in ask(sdk).response.iter_bytes():
        _, found_one, rest = read.partition(b'"content":"')
        if found_one:
            parser.send(rest[: rest.find(b'"},"logprobs')].replace(b'\\"', b'"'))
            made.clear()


def text(sdk: openai.OpenAI) -> None:
    """From the bytes to the text in them, which nobody reads."""
    for _ in openai_chat(ask(sdk), source="sse"):
        pass


def typed(sdk: openai.OpenAI) -> None:
    """From the bytes to typed changes."""
    for _ in (openai_chat(ask(sdk), source="sse") | extract(MeetingInfo)).batches():
        pass


def run(sdk: openai.OpenAI) -> None:
    """The same by a run of the client, which folds what it reads."""
    for _ in from_openai(sdk, model="m").stream(MeetingInfo, messages=[]).batches():
        pass


def object_tokens(sdk: openai.OpenAI) -> None:
    """The SDK's iteration, and a JSON parser in C that is given the text: see `tokens`."""
    parser, made = _parser()
    for chunk in ask(sdk):
        if chunk.choices and (content := chunk.choices[0].delta.content):
            parser.send(content.encode())
            made.clear()


def object_text(sdk: openai.OpenAI) -> None:
    """From the SDK's objects to the text in them, which nobody reads."""
    for _ in openai_chat(ask(sdk), source="sdk"):
        pass


def object_typed(sdk: openai.OpenAI) -> None:
    """From the SDK's objects to typed changes."""
    for _ in (openai_chat(ask(sdk), source="sdk") | extract(MeetingInfo)).batches():
        pass


def _parser() -> tuple[Any, list[Any]]:
    made: list[Any] = ijson.sendable_list()
    return yajl.basic_parse_coro(made), made


def sources() -> Iterator[Row]:
    """What streamkit adds to the SDK, and what reading the bytes saves."""
    size = 4_000 if QUICK else 8_000
    events = chat_events(chunked(users(size)))
    with serving(size, 10, 0.001) as sdk:
        times = turns("10 events a read", sdk, [objects, typed, run])
        chunks = list(ask(sdk))
        for name, figure in (("typed", "a flow"), ("run", "a run")):
            ratio = times[name] / times["objects"]
            row = f"socket to typed changes, 10 events a read, {figure}, of the SDK's iteration"
            yield Row(row, "<= 0.25", ratio, "x")
        # Here the SDK reads without waiting, so its share is the work alone.
        added = turns("the SDK's objects", sdk, [objects, object_tokens, object_text, object_typed], _MANY)
        spent = added["objects"] / len(events)
        for name, figure in (("text", "openai_chat(source='sdk')"), ("typed", "the same and extract(Model)")):
            share = (added[f"object_{name}"] / added["objects"] - 1) * 100
            yield Row(f"{figure}, added to the SDK's own iteration", "<= 3", share, " %", 1)
        share = (added["object_tokens"] / added["objects"] - 1) * 100
        yield Row("to compare: tokens by a C parser (ijson), added to the SDK's own iteration", "", share, " %", 1)
    with serving(size, 1, 0.0003) as sdk:
        times = turns("an event a read", sdk, [objects, body, found, tokens, text, typed, run], _MANY)
        for name, figure in (("typed", "a flow"), ("run", "a run")):
            ratio = times[name] / times["body"]
            row = f"socket to typed changes, an event a read, {figure}, of the HTTP client's bytes"
            yield Row(row, "<= 1.15", ratio, "x")
        yield Row("the same, a flow, of the SDK's iteration", "", times["typed"] / times["objects"], "x")
        parts = (
            ("found", "finding it in each read, nothing more"),
            ("tokens", "finding it, and tokens by a C parser (ijson)"),
            ("text", "the text alone, unread"),
        )
        for name, figure in parts:
            yield Row(f"the same, {figure}, of the HTTP client's bytes", "", times[name] / times["body"], "x")
        reads = sum(1 for _ in ask(sdk).response.iter_bytes())
        yield Row("the same: events in a read, on average", "", len(events) / reads)
    alone = _alone(chunks)
    for name, figure in (("source", "openai_chat(source='sdk')"), ("typed", "the same and extract(Model)")):
        share = alone[name] / len(chunks) / spent * 100
        yield Row(f"{figure}, in a loop of its own, of the SDK's work on a chunk", "", share, " %", 1)


def turns(
    what: str, sdk: openai.OpenAI, contenders: list[Callable[[openai.OpenAI], None]], rounds: int = ROUNDS
) -> dict[str, float]:
    """Median CPU seconds of each, taking turns."""
    return cpu_times(what, {each.__name__: partial(each, sdk) for each in contenders}, rounds)


def _alone(chunks: list[Any]) -> dict[str, float]:
    """CPU seconds for chunks that are there already: nothing else is done meanwhile, so the caches are warm."""

    def source() -> Deltas:
        return Deltas(
            Pieces(iter(chunks), ObjectWire(ChatReader(fields), content_alone), lambda: None, ""), (0, "content")
        )

    def consume() -> None:
        for _ in source():
            pass

    def extracted() -> None:
        for _ in (source() | extract(MeetingInfo)).batches():
            pass

    return cpu_times("the SDK's objects, made before", {"source": consume, "typed": extracted}, 7)


PARTS = (sources,)

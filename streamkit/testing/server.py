"""A server on loopback that answers with a stream: real sockets, real HTTP, whatever client.

    with LoopbackServer(recorded("chat.sse").over(2.0)) as server:
        client = openai.OpenAI(base_url=server.base_url, api_key="none")

It runs in threads of its own, so that sync and async tests use it alike, and it tells what it saw: the
requests, how much of each answer was taken, and when the client left.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal, cast

from streamkit.sources.recorded import Read, Recorded

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["Answer", "LoopbackServer", "Seen"]


@dataclass(frozen=True)
class Answer:
    """What the server says to one request.

    Attributes:
        body: what is sent, piece by piece; a `Recorded` is replayed at its own pace.
        status: the HTTP status.
        content_type: of the body.
        ending: `"whole"` ends the body as HTTP wants it; `"dropped"` closes the connection without that.
        headers: others that are sent; a `Content-Encoding` tells how the body is encoded already.
    """

    body: Iterable[bytes]
    status: int = 200
    content_type: str = "text/event-stream"
    ending: Literal["whole", "dropped"] = "whole"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass
class Seen:
    """One request, and what became of its answer.

    Attributes:
        method, path, headers, body: as they came; header names in lower case.
        sent: pieces of the answer that were sent so far.
        done: the answer was sent to its end.
        left: when the client was seen to close the connection before that, by `time.monotonic()`.
        over: set once either has happened.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    sent: int = 0
    done: bool = False
    left: float | None = None
    over: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def json(self) -> dict[str, object]:
        """The request's body, parsed."""
        return cast("dict[str, object]", json.loads(self.body))

    def wait(self, timeout: float = 5.0) -> bool:
        """Wait until the answer is sent or the client has left; False if neither happens in time."""
        return self.over.wait(timeout)


class LoopbackServer:
    """Serves streams to a provider's client; a context manager, to be left when done.

    Args:
        answers: what to say to each request in turn (the last one again and again): an `Answer`, or just a body.

    Attributes:
        requests: what was seen, in order.
    """

    def __init__(self, *answers: Answer | Iterable[bytes]) -> None:
        if not answers:
            raise TypeError("LoopbackServer() needs an answer to give")
        self.requests: list[Seen] = []
        self._answers = [each if isinstance(each, Answer) else Answer(each) for each in answers]
        self._http = _Http(self._see)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def port(self) -> int:
        """The free port it was given."""
        return self._http.server_port

    @property
    def base_url(self) -> str:
        """What an OpenAI client is to be given as `base_url`; Anthropic's adds the `/v1` itself."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.stopping.set()
        self._http.shutdown()
        self._http.hang_up()
        self._http.server_close()
        self._thread.join()

    def _see(self, seen: Seen) -> Answer:
        answer = self._answers[min(len(self.requests), len(self._answers) - 1)]
        self.requests.append(seen)
        return answer


class _Http(ThreadingHTTPServer):
    # So that closing the server waits for the answers that are being given.
    daemon_threads = False

    def __init__(self, see: Callable[[Seen], Answer]) -> None:
        self.see, self.stopping = see, threading.Event()
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def hang_up(self) -> None:
        """Close what clients keep open for a next request."""
        for connection in list(self._connections):
            _shut(connection)

    def finish_request(self, request: object, client_address: object) -> None:
        connection = cast("socket.socket", request)
        self._connections.add(connection)
        try:
            _Handler(connection, client_address, self)
        finally:
            self._connections.discard(connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is not an error here: `Seen.left` tells it."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as it was called


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Small pieces go out as they are written.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
        """Say nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, headers, body)
        answer = cast("_Http", self.server).see(seen)
        try:
            self._send(answer, seen)
        except OSError:
            seen.left = time.monotonic()
        finally:
            seen.over.set()

    def _send(self, answer: Answer, seen: Seen) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        for wait, piece in _paced(answer.body):
            if not self._stay(wait):
                return self._leave(seen)
            if not piece:
                continue  # an empty chunk would end the body
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            seen.sent += 1
        if answer.ending == "dropped":
            _shut(self.connection)
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")
        seen.done = True
        return None

    def _leave(self, seen: Seen) -> None:
        self.close_connection = True
        if not cast("_Http", self.server).stopping.is_set():
            seen.left = time.monotonic()

    def _stay(self, wait: float) -> bool:
        """Wait for the next piece's time; tell whether there is still somebody to send it to."""
        until = time.monotonic() + wait
        while not cast("_Http", self.server).stopping.is_set():
            # In small steps, to see the server stop; that the client leaves is seen at once.
            step = min(max(until - time.monotonic(), 0.0), 0.02)
            readable, _, _ = select.select([self.connection], [], [], step)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return False
            if time.monotonic() >= until:
                return True
        return False


def _paced(body: Iterable[bytes]) -> Iterator[tuple[float, bytes]]:
    """Each piece, and how long to wait before it."""
    if not isinstance(body, Recorded) or body.speed is None:
        reads = body.reads if isinstance(body, Recorded) else (Read(0.0, piece) for piece in body)
        yield from ((0.0, read.data) for read in reads)
        return
    start = time.monotonic()
    for read in body.reads:
        yield start + read.at / body.speed - time.monotonic(), read.data


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return

"""A server that streams the events of a chat completion over a real socket.

It is another process, so that only the client's CPU time is counted. To have each event read alone it waits a
little between them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["serving"]

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
def serving(size: int, together: int, pause: float) -> Iterator[str]:
    """The base URL of a server that streams a document of so many characters, so many events at once."""
    here = __file__.rpartition("/")[0]
    command = [sys.executable, "-c", _SERVER, str(size), str(together), str(pause), here]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = server.stdout.readline().strip() if server.stdout is not None else ""
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()

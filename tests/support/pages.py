"""A web application on a loopback socket, for tests of frames and of the browser client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING

import uvicorn
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from streamkit import extract
from streamkit.hub import Hubs
from streamkit.web import STATIC, frames, frames_of_many

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

__all__ = ["DOCUMENT", "TEXT", "Crowd", "Member", "Served", "chunks", "served"]


class Member(BaseModel):
    name: str
    age: int


class Crowd(BaseModel):
    members: list[Member]
    title: str


DOCUMENT = {"members": [{"name": f"Jo Ann {i}", "age": i} for i in range(20)], "title": "many " * 40}
TEXT = json.dumps(DOCUMENT)


async def chunks(text: str = TEXT, delay: float = 0.001) -> AsyncIterator[str]:
    """A text, three characters at a time."""
    for at in range(0, len(text), 3):
        await asyncio.sleep(delay)
        yield text[at : at + 3]


class Served:
    """A running application.

    Attributes:
        url: where it is.
        hubs: the runs that it serves; `/frames/{id}`, and `/many?run=...`.
        requests: the request targets it got, with their `Last-Event-ID`.
        cut: number of events after which a response breaks off; 0 for never.
    """

    def __init__(self, url: str, hubs: Hubs) -> None:
        self.url, self.hubs = url, hubs
        self.requests: list[tuple[str, str | None]] = []
        self.cut = 0
        self.open = 0

    async def start(self, text: str = TEXT, delay: float = 0.001) -> str:
        return await self.hubs.start(chunks(text, delay) | extract(Crowd))


PAGE = """<!doctype html><meta charset="utf-8"><script type="module">
import * as streamkit from "/streamkit/streamkit.js";
Object.assign(window, streamkit, { ready: true });
</script>"""


@contextlib.asynccontextmanager
async def served(hubs: Hubs) -> AsyncGenerator[Served]:
    """Serve runs on a free port of loopback, over real sockets, in this event loop."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = Served(f"http://127.0.0.1:{listening.getsockname()[1]}", hubs)

    async def one(request: Request) -> Response:
        return await frames(hubs, request, request.path_params["id"])

    async def many(request: Request) -> Response:
        return await frames_of_many(hubs, request)

    async def page(_: Request) -> Response:
        return HTMLResponse(PAGE)

    starlette = Starlette(
        routes=[
            Route("/", page),
            Route("/frames/{id}", one),
            Route("/many", many),
            Mount("/streamkit", StaticFiles(directory=STATIC)),
        ]
    )

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        events = 0

        async def cutting(message: Message) -> None:
            nonlocal events
            events += message.get("body", b"").count(b"\ndata: ")
            await send(message)
            if app.cut and events >= app.cut:
                raise ConnectionResetError("cut by the test")

        if scope["type"] != "http" or not scope["path"].startswith(("/frames", "/many")):
            await starlette(scope, receive, send)
            return
        resumed = dict(scope["headers"]).get(b"last-event-id")
        app.requests.append((scope["path"], None if resumed is None else resumed.decode()))
        app.open += 1
        try:
            await starlette(scope, receive, cutting)
        except* ConnectionResetError:
            pass  # uvicorn closes the connection of a response that was not completed
        finally:
            app.open -= 1

    config = uvicorn.Config(counted, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.get_running_loop().create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield app
    finally:
        server.should_exit = True
        await serving

"""`EventStream`: an ASGI response of Server-Sent Events, from bytes that are ready to be sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    Write = Callable[[bytes], Awaitable[None]]
    Body = Callable[[Write], Awaitable[None]]

__all__ = ["EventStream"]

_HEADERS = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}


class EventStream(Response):
    """Sends events until `body` returns, or the client hangs up: then `body` is cancelled at once.

    Args:
        body: called with a function that sends bytes; writes whole events.
        ping: seconds of silence after which a comment is sent, so that both sides notice a dead connection.
    """

    media_type = "text/event-stream"

    def __init__(self, body: Body, *, ping: float) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._body, self._ping = body, ping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        now = asyncio.get_running_loop().time
        last = now()

        async def write(data: bytes) -> None:
            nonlocal last
            last = now()
            await send({"type": "http.response.body", "body": data, "more_body": True})

        async def pings() -> None:
            while True:
                await anyio.sleep(max(0.01, last + self._ping - now()))
                if now() - last >= self._ping:
                    await write(b": ping\n\n")

        async def hang_up() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(pings)
            group.start_soon(hang_up)
            await self._body(write)
            await send({"type": "http.response.body", "body": b""})
            group.cancel_scope.cancel()

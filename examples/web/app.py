"""A page that shows a record filling in: `make web`, then open the URL that it prints.

A recorded answer is served on loopback as an OpenAI-compatible endpoint, so this needs no key and no network. Open the
page in two tabs, reload it in the middle, stop the run: the stream belongs to the application, not to a request.
"""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from meeting import MESSAGES, MeetingInfo  # noqa: E402  # of the folder of examples

from streamkit import from_provider  # noqa: E402
from streamkit.hub import Hubs  # noqa: E402
from streamkit.sources import recorded  # noqa: E402
from streamkit.testing import LoopbackServer  # noqa: E402
from streamkit.web import STATIC, frames  # noqa: E402

RECORDING = HERE.parent / "data" / "chat_json_schema.sse"


def make_app(seconds: float) -> Starlette:
    """Return the application; each run takes so many seconds."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        with LoopbackServer(recorded(RECORDING).over(seconds)) as provider:
            async with (
                from_provider("local/m", base_url=provider.base_url, async_client=True) as client,
                Hubs() as hubs,
            ):
                app.state.client, app.state.hubs = client, hubs
                yield

    async def start(request: Request) -> Response:
        run = request.app.state.client.stream(MeetingInfo, messages=MESSAGES)
        return JSONResponse({"id": await request.app.state.hubs.start(run)})

    async def follow(request: Request) -> Response:
        return await frames(request.app.state.hubs, request, request.path_params["id"])

    async def stop(request: Request) -> Response:
        await request.app.state.hubs.stop(request.path_params["id"])
        return Response(status_code=204)

    async def page(_: Request) -> Response:
        return FileResponse(HERE / "index.html")

    routes = [
        Route("/", page),
        Route("/runs", start, methods=["POST"]),
        Route("/runs/{id}", follow),
        Route("/runs/{id}", stop, methods=["DELETE"]),
        Mount("/streamkit", StaticFiles(directory=STATIC)),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def main() -> None:
    """Serve the page on a free port."""
    parser = argparse.ArgumentParser(description="Show a record filling in, on a page.")
    parser.add_argument("--port", type=int, default=0, help="by default a free one")
    parser.add_argument("--seconds", type=float, default=12.0, help="how long a run takes (default: 12)")
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", options.port)) as listening:
        print(f"open http://127.0.0.1:{listening.getsockname()[1]}/   (stop with Ctrl-C)", flush=True)
        config = uvicorn.Config(make_app(options.seconds), log_level="warning", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()

"""Shared streams in a web application (extra `web`): Server-Sent Events for Starlette and FastAPI, a browser client.

frames       the routes' functions: `frames` for one run, `frames_of_many` for several over one connection
broadcast    frames encoded once for all followers who keep up
selection    parts of a document that still fold
response     the ASGI response
static/      the browser client, a plain ES module with types
"""

from pathlib import Path

from streamkit.web.frames import frames, frames_of_many
from streamkit.web.response import EventStream

__all__ = ["STATIC", "EventStream", "frames", "frames_of_many"]

STATIC = Path(__file__).with_name("static")
"""The folder of the browser client: `app.mount("/streamkit", StaticFiles(directory=STATIC))`."""

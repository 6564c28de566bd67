"""`frames` and `frames_of_many`: follow shared streams from a page, over Server-Sent Events."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from inspect import isawaitable
from secrets import randbits
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import anyio
from starlette.responses import PlainTextResponse, Response

from streamkit.changes.change import parse_pattern
from streamkit.errors import RunExpired, UnknownRun
from streamkit.hub.hub import Hub
from streamkit.hub.hubs import Hubs
from streamkit.schema.patterns import check_pattern
from streamkit.web.broadcast import broadcast_of
from streamkit.web.response import EventStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.requests import Request

    from streamkit.web.broadcast import Frame
    from streamkit.web.response import Write

    Authorize = Callable[[Request, str], bool | Awaitable[bool]]

__all__ = ["frames", "frames_of_many"]

_ID = re.compile(r"(?P<run>[\w.-]{1,128}):(?P<epoch>\d{1,20})-(?P<seq>\d{1,20})", re.ASCII).fullmatch
_AHEAD = 1.0  # seconds that an id may be ahead of what this process has read
_MOST_PATTERNS, _LONGEST_PATTERN, _MOST_RUNS = 16, 200, 64
_RETRY = b"retry: 1000\n\n"


class _Followed(NamedTuple):
    """One run to be sent, and where to begin."""

    run: str
    hub: Hub[Any]
    epoch: int
    after: int | None


async def frames(
    source: Hubs | Hub[Any],
    request: Request,
    run: str = "stream",
    *,
    pace: float = 1 / 30,
    ping: float = 15.0,
    select: str | Sequence[str] | None = None,
    authorize: Authorize | None = None,
) -> Response:
    """Follow one run: `return await frames(hubs, request, id)` from a route of Starlette or FastAPI.

    Sends a snapshot, then compact frames (docs/frames.md), one Server-Sent Event each, up to the `end`. A client that
    comes back with the header `Last-Event-ID` (or a query parameter of that name) continues where it was. Leaving does
    not stop the run.

    Args:
        source: where the run is: `Hubs`, or one hub.
        request: the request; its query may name patterns: `?select=/users/**&select=/title`.
        run: the run's id; part of every event's id.
        pace: seconds between two frames, at least; what arrives in between is merged, without loss. 0 sends at once.
        ping: seconds of silence after which a comment is sent.
        select: patterns that bound what this client may see; then the query cannot select.
        authorize: called with the request and the id; False (or an awaitable of it) answers 403.

    Returns:
        The stream; or 204 to a client that has read the `end`, 400 for an id of another run, 403, 404 for an unknown
        run, 410 for one that is no longer kept, 422 for a pattern that cannot be used.
    """
    refused = await _refuse(request, [run], authorize)
    if refused is not None:
        return refused
    try:
        hub, epoch = _found(source, run)
        patterns = _patterns(request, select, hub)
        after = await _resume(request.headers.get("last-event-id") or _query(request), run, hub, epoch)
    except (LookupError, ValueError) as error:
        return _answer(error)
    if hub.end is not None and after is not None and after >= hub.seq:
        return Response(status_code=204)
    followed = _Followed(run, hub, epoch, after)

    async def body(write: Write) -> None:
        await write(_RETRY)
        await _send(followed, patterns, pace, write, _event)

    return EventStream(body, ping=ping)


async def frames_of_many(
    source: Hubs,
    request: Request,
    runs: Sequence[str] | None = None,
    *,
    pace: float = 1 / 30,
    ping: float = 15.0,
    authorize: Authorize | None = None,
) -> Response:
    """Follow several runs over one connection: browsers allow six connections to a server over HTTP/1.1.

    Each event is `{"run": id, "id": event id, "frame": [...]}`; a run that cannot be followed gets
    `{"run": id, "status": 404}`. The stream ends when every run has ended.

    Args:
        source: where the runs are.
        request: the request; its query names the runs, `?run=a&run=b`, and where to continue: `?after=a:7-12`.
        runs: the runs, instead of those in the query; at most 64.
        pace: as for `frames`.
        ping: as for `frames`.
        authorize: as for `frames`; called for each run.

    Returns:
        The stream; or 403, or 422 for no run or too many.
    """
    named = list(dict.fromkeys(request.query_params.getlist("run") if runs is None else runs))
    if not 0 < len(named) <= _MOST_RUNS:
        return PlainTextResponse(f"name 1 to {_MOST_RUNS} runs: ?run=a&run=b", 422)
    refused = await _refuse(request, named, authorize)
    if refused is not None:
        return refused
    places = {event_id.split(":")[0]: event_id for event_id in request.query_params.getlist("after")}
    followed: list[_Followed] = []
    failed: list[bytes] = []
    for run in named:
        try:
            hub, epoch = _found(source, run)
            followed.append(_Followed(run, hub, epoch, await _resume(places.get(run), run, hub, epoch)))
        except (LookupError, ValueError) as error:
            failed.append(b'data: {"run":"%s","status":%d}\n\n' % (_plain(run), _answer(error).status_code))

    async def body(write: Write) -> None:
        await write(_RETRY + b"".join(failed))
        async with anyio.create_task_group() as group:
            for each in followed:
                if each.hub.end is None or each.after is None or each.after < each.hub.seq:
                    group.start_soon(_send, each, (), pace, write, _tagged_event)

    return EventStream(body, ping=ping)


async def _send(
    followed: _Followed,
    patterns: tuple[str, ...],
    pace: float,
    write: Write,
    event: Callable[[_Followed, Frame], bytes],
) -> None:
    broadcast = broadcast_of(followed.hub, patterns, pace)
    async with aclosing(broadcast.follow(followed.after)) as sent:
        async for frame in sent:
            await write(event(followed, frame))


def _event(followed: _Followed, frame: Frame) -> bytes:
    if not frame.event:
        frame.event = b"id: %s\ndata: %s\n\n" % (_id(followed, frame), frame.data)
    return frame.event


def _tagged_event(followed: _Followed, frame: Frame) -> bytes:
    if not frame.tagged_event:
        run = followed.run.encode()
        frame.tagged_event = b'data: {"run":"%s","id":"%s","frame":%s}\n\n' % (run, _id(followed, frame), frame.data)
    return frame.tagged_event


def _id(followed: _Followed, frame: Frame) -> bytes:
    return b"%s:%d-%d" % (followed.run.encode(), followed.epoch, frame.seq)


def _plain(run: str) -> bytes:
    """An id that came from the query, as text between quotes."""
    return re.sub(r"[^\w.-]", "_", run[:128], flags=re.ASCII).encode()


_epochs: WeakKeyDictionary[Hub[Any], int] = WeakKeyDictionary()


def _found(source: Hubs | Hub[Any], run: str) -> tuple[Hub[Any], int]:
    if isinstance(source, Hubs):
        return source.hub(run), source.epoch(run)
    return source, _epochs.setdefault(source, randbits(16))


async def _refuse(request: Request, runs: Sequence[str], authorize: Authorize | None) -> Response | None:
    if authorize is None:
        return None
    for run in runs:
        allowed = authorize(request, run)
        if not (await allowed if isawaitable(allowed) else allowed):
            return PlainTextResponse("this client may not follow this run", 403)
    return None


def _query(request: Request) -> str | None:
    return request.query_params.get("last-event-id")


async def _resume(event_id: str | None, run: str, hub: Hub[Any], epoch: int) -> int | None:
    """Return the place to continue after; None for a snapshot.

    Raises:
        ValueError: it is the id of another run, or no id.
    """
    if not event_id:
        return None
    found = _ID(event_id)
    if found is None or found["run"] != run:
        raise _OtherRun(f"{event_id!r:.200} is not an event of this run")
    if int(found["epoch"]) != epoch:
        return None  # of a run of the same id in an earlier process
    after = int(found["seq"])
    loop = asyncio.get_running_loop()
    until = loop.time() + _AHEAD
    while hub.seq < after and hub.end is None and loop.time() < until:  # noqa: ASYNC110  # rare, and short
        await asyncio.sleep(0.02)
    return after if after <= hub.seq else None


class _OtherRun(ValueError):
    """An id that was not made for this run."""


def _patterns(request: Request, fixed: str | Sequence[str] | None, hub: Hub[Any]) -> tuple[str, ...]:
    """Return the patterns, sorted, so that those who ask for the same share the work.

    Raises:
        ValueError: there are too many, one is too long, or can never match the model.
    """
    asked = request.query_params.getlist("select") if fixed is None else [fixed] if isinstance(fixed, str) else fixed
    if len(asked) > _MOST_PATTERNS or any(len(pattern) > _LONGEST_PATTERN for pattern in asked):
        raise ValueError(f"select at most {_MOST_PATTERNS} patterns of at most {_LONGEST_PATTERN} characters")
    for pattern in asked:
        parse_pattern(pattern)
        if hub.model is not None:
            check_pattern(pattern, hub.model)
    return tuple(sorted(set(asked)))


def _answer(error: Exception) -> Response:
    if isinstance(error, RunExpired):
        return PlainTextResponse("this run has ended, and is no longer kept", 410)
    if isinstance(error, UnknownRun):
        return PlainTextResponse("there is no such run", 404)
    return PlainTextResponse(str(error), 400 if isinstance(error, _OtherRun) else 422)

"""`frames` over real sockets: snapshots, resuming, statuses, leaving, selection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from support.pages import DOCUMENT, Crowd, Served, chunks, served

from streamkit import Document, extract
from streamkit.hub import Hubs
from streamkit.web import frames
from streamkit.web.broadcast import broadcast_of
from streamkit.wire import CompactDecoder

Event = dict[str, str]


@asynccontextmanager
async def serving(**options: Any) -> AsyncGenerator[tuple[Served, httpx2.AsyncClient]]:
    async with (
        Hubs(**options) as hubs,
        served(hubs) as app,
        httpx2.AsyncClient(base_url=app.url, timeout=10) as http,
    ):
        yield app, http


async def events(
    http: httpx2.AsyncClient, path: str, headers: dict[str, str] | None = None, most: int = 10**6
) -> list[Event]:
    """Read the events of a response, at most so many, then hang up."""
    found: list[Event] = []
    event: Event = {}
    try:
        async with http.stream("GET", path, headers=headers or {}) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            async for line in response.aiter_lines():
                name, _, value = line.partition(": ")
                if line:
                    event[name] = value
                elif "data" in event:
                    found.append(event)
                    event = {}
                    if len(found) == most:
                        break
    except httpx2.RemoteProtocolError:
        pass  # the server cut it
    return found


def fold(found: list[Event]) -> Document:
    decoder = CompactDecoder()
    for event in found:
        decoder.decode(event["data"])
    return decoder.document


async def test_two_followers_one_late_get_the_same() -> None:
    async with serving() as (app, http):
        run = await app.start()

        async def late() -> list[Event]:
            await asyncio.sleep(0.15)
            return await events(http, f"/frames/{run}")

        first, second = await asyncio.gather(events(http, f"/frames/{run}"), late())
    for found in (first, second):
        document = fold(found)
        assert document.value == DOCUMENT
        assert document.state(()) == "complete"
        assert document.end is not None
        assert document.end.status == "complete"
    assert '"snapshot"' in second[0]["data"]


async def test_a_follower_that_hangs_up_again_and_again_loses_and_doubles_nothing() -> None:
    async with serving() as (app, http):
        run = await app.start()
        found: list[Event] = []
        while not found or '"end"' not in found[-1]["data"]:
            headers = {"Last-Event-ID": found[-1]["id"]} if found else {}
            found += await events(http, f"/frames/{run}", headers, most=4)
        assert fold(found).value == DOCUMENT
        assert sum('"snapshot"' in event["data"] for event in found) <= 1
        response = await http.get(f"/frames/{run}", headers={"Last-Event-ID": found[-1]["id"]})
        assert (response.status_code, response.content) == (204, b"")


async def test_a_server_that_hangs_up_is_resumed() -> None:
    async with serving() as (app, http):
        app.cut = 3
        run = await app.start()
        found: list[Event] = []
        while not found or '"end"' not in found[-1]["data"]:
            found += await events(http, f"/frames/{run}?last-event-id={found[-1]['id'] if found else ''}")
        assert fold(found).value == DOCUMENT
        assert len(app.requests) > 3


async def test_statuses() -> None:
    async with serving(keep_for=0.5) as (app, http):
        assert (await http.get("/frames/nobody")).status_code == 404
        run, other = await app.start(delay=0), await app.start(delay=0)
        await app.hubs.result(run)
        last = (await events(http, f"/frames/{other}"))[-1]["id"]
        assert (await http.get(f"/frames/{run}", headers={"Last-Event-ID": last})).status_code == 400
        assert (await http.get(f"/frames/{run}", headers={"Last-Event-ID": "x"})).status_code == 400
        for query in ("select=members", "select=/nothing", "&".join(["select=/title"] * 17), f"select=/{'x' * 300}"):
            assert (await http.get(f"/frames/{run}?{query}")).status_code == 422
        await asyncio.sleep(0.6)
        assert (await http.get(f"/frames/{run}")).status_code == 410


async def test_an_id_of_an_earlier_process_gets_a_snapshot() -> None:
    async with serving() as (app, http):
        run = await app.start(delay=0)
        found = await events(http, f"/frames/{run}", {"Last-Event-ID": f"{run}:1-5"})
        assert fold(found).value == DOCUMENT


async def test_an_id_ahead_of_what_was_read_waits_then_continues() -> None:
    async with serving() as (app, http):
        run = await app.start()
        epoch = app.hubs.epoch(run)
        found = await events(http, f"/frames/{run}", {"Last-Event-ID": f"{run}:{epoch}-40"})
        assert '"snapshot"' not in found[0]["data"]
        found = await events(http, f"/frames/{run}", {"Last-Event-ID": f"{run}:{epoch}-99999"})
        assert '"snapshot"' in found[0]["data"]


async def test_a_selection_folds_and_holds_nothing_else() -> None:
    async with serving() as (app, http):
        run = await app.start()

        async def late() -> list[Event]:
            await asyncio.sleep(0.1)
            return await events(http, f"/frames/{run}?select=/members/*/name")

        for found in await asyncio.gather(events(http, f"/frames/{run}?select=/members/*/name"), late()):
            document = fold(found)
            assert document.value == {"members": [{"name": each["name"]} for each in DOCUMENT["members"]]}  # type: ignore[index]  # pyright: ignore[reportArgumentType, reportUnknownVariableType]  # a list of objects
            assert document.state(("members", 3, "name")) == "complete"


async def test_a_closed_connection_is_left_at_once() -> None:
    async with serving() as (app, http):
        run = await app.start(delay=0.01)
        await events(http, f"/frames/{run}", most=2)
        async with asyncio.timeout(0.5):
            while app.open or app.hubs.stats().followers:  # noqa: ASYNC110  # polled for at most half a second
                await asyncio.sleep(0.01)
        assert app.hubs.stats().running == 1


async def test_stopping_sends_the_end() -> None:
    async with serving() as (app, http):
        run = await app.start(delay=0.02)
        following = asyncio.create_task(events(http, f"/frames/{run}"))
        await asyncio.sleep(0.1)
        await app.hubs.stop(run)
        end = fold(await following).end
        assert end is not None
        assert end.status == "cancelled"


async def test_eight_runs_over_one_connection() -> None:
    async with serving() as (app, http):
        runs = [await app.start() for _ in range(8)]
        query = "&".join(f"run={run}" for run in [*runs, "gone"])
        found = await events(http, f"/many?{query}")
        by_run: dict[str, CompactDecoder] = {run: CompactDecoder() for run in runs}
        for event in found:
            tagged = json.loads(event["data"])
            if "status" in tagged:
                assert tagged == {"run": "gone", "status": 404}
            else:
                by_run[tagged["run"]].decode(tagged["frame"])
        assert all(decoder.document.value == DOCUMENT for decoder in by_run.values())
        assert app.requests == [("/many", None)]


async def test_authorize_decides_for_each_run() -> None:
    async with Hubs() as hubs:
        seen: list[str] = []

        async def authorize(request: Request, run: str) -> bool:
            seen.append(run)
            return False

        request = Request({"type": "http", "headers": [], "query_string": b""})
        assert (await frames(hubs, request, "a", authorize=authorize)).status_code == 403
        assert seen == ["a"]


async def test_silence_is_filled_with_pings() -> None:
    async with Hubs() as hubs:
        never = asyncio.Event()

        async def silent() -> AsyncIterator[str]:
            yield "["
            await never.wait()

        run = await hubs.start(silent() | extract(list[int]))
        sent: list[bytes] = []

        async def receive() -> dict[str, str]:
            await asyncio.sleep(0.25)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message.get("body", b""))

        request = Request({"type": "http", "headers": [], "query_string": b""})
        response = await frames(hubs, request, run, ping=0.05)
        await response({"type": "http"}, receive, send)  # pyright: ignore[reportArgumentType]  # no other message
        assert sent.count(b": ping\n\n") >= 3
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("pace", [0, 0.05])
async def test_many_followers_share_the_bytes(pace: float) -> None:
    async with Hubs() as hubs:
        run = await hubs.start(chunks() | extract(Crowd))

        async def follow() -> list[bytes]:
            return [frame.data async for frame in broadcast_of(hubs.hub(run), (), pace).follow(None)]

        found = await asyncio.gather(*(follow() for _ in range(50)))
        assert all(each == found[0] for each in found)
        assert all(mine is theirs for mine, theirs in zip(found[0][1:], found[1][1:], strict=True))
    assert len(asyncio.all_tasks()) == 1

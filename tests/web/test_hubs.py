"""`Hubs`: runs that belong to the application, found by their ids."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import cast

import pytest
from support.pages import DOCUMENT, TEXT, Crowd, Member, chunks

from streamkit import Change, Document, Flow, StreamkitError, extract
from streamkit.errors import RunExists, RunExpired, TooManyRuns, UnknownRun
from streamkit.hub import Hubs
from streamkit.sinks import callbacks, from_json, jsonlines


def fast() -> Flow[Change[Crowd]]:
    return chunks(delay=0) | extract(Crowd)


async def endless() -> AsyncIterator[str]:
    yield "["
    while True:
        await asyncio.sleep(0.001)
        yield "1,"


async def folded(hubs: Hubs, run: str, after: int | None = None) -> Document:
    document = Document()
    async with hubs.follow(run, after) as changes:
        async for change in changes:
            document.apply(change)
    return document


async def test_a_run_outlives_who_started_and_who_follows_it() -> None:
    async with Hubs() as hubs:
        run = await hubs.start(chunks() | extract(Crowd))
        async with hubs.follow(run) as changes:
            async for _ in changes:
                break
        assert (await hubs.result(run)).model_dump() == DOCUMENT
        assert (await folded(hubs, run)).value == DOCUMENT
        assert hubs.stats()[:3] == (0, 1, 0)


async def test_followers_who_come_and_go_lose_nothing() -> None:
    async with Hubs() as hubs:
        run = await hubs.start(chunks() | extract(Crowd))

        async def hop() -> Document:
            document, seq = Document(), None
            while document.end is None:
                async with hubs.follow(run, seq, batches=True) as batches:
                    async for batch in batches:
                        for change in batch.changes:
                            document.apply(change)
                        seq = batch.seq
                        break
            return document

        found = await asyncio.gather(*(hop() for _ in range(20)), folded(hubs, run))
    assert all(document.value == DOCUMENT and document.state(()) == "complete" for document in found)


async def test_stopping_ends_the_run_for_all_and_closes_its_source() -> None:
    closed = False

    async def source() -> AsyncIterator[str]:
        nonlocal closed
        try:
            async for each in endless():
                yield each
        finally:
            closed = True

    async with Hubs() as hubs:
        run = await hubs.start(source() | extract(list[int]))
        following = asyncio.create_task(folded(hubs, run))
        await asyncio.sleep(0.02)
        await hubs.stop(run)
        assert closed
        document = await following
        assert document.end is not None
        assert document.end.status == "cancelled"
        await hubs.stop(run)  # again is harmless
        with pytest.raises(StreamkitError):
            await hubs.result(run)


async def test_an_ended_run_is_kept_and_then_expires() -> None:
    async with Hubs(keep_for=0.05) as hubs:
        run = await hubs.start(fast())
        await hubs.result(run)
        assert (await folded(hubs, run)).value == DOCUMENT
        await asyncio.sleep(0.1)
        with pytest.raises(RunExpired, match="keep_for"):
            hubs.follow(run)
        with pytest.raises(RunExists):
            await hubs.start(fast(), id=run)
        with pytest.raises(UnknownRun, match="not started here"):
            hubs.follow("other")


async def test_runs_are_bounded_in_number_and_bytes() -> None:
    async with Hubs(max_runs=2) as hubs:
        first = await hubs.start(fast())
        await hubs.result(first)
        await asyncio.sleep(0.01)
        await hubs.start(endless() | extract(list[int]))
        await hubs.start(endless() | extract(list[int]))
        with pytest.raises(RunExpired):
            hubs.follow(first)
        with pytest.raises(TooManyRuns):
            await hubs.start(fast())
    async with Hubs(max_bytes=len(TEXT) + 10) as hubs:
        runs = [await hubs.start(fast()) for _ in range(3)]
        for run in runs[-1:]:
            await hubs.result(run)
        await asyncio.sleep(0.02)
        assert hubs.stats().ended == 1
        assert hubs.stats().bytes <= len(TEXT) + 10


async def test_sinks_get_everything_though_one_is_slow_and_one_fails(caplog: pytest.LogCaptureFixture) -> None:
    saved: list[object] = []
    lines = io.StringIO()

    async def save(change: Change[object]) -> None:
        await asyncio.sleep(0.01)
        saved.append(change.value)

    def fail(change: Change[object]) -> None:
        raise OSError("disk full")

    async with Hubs() as hubs:
        sinks = [
            jsonlines(lines),
            callbacks({"/members/*": save}, ops={"complete"}),
            callbacks({"/title": fail}, ops={"complete"}),
        ]
        run = await hubs.start(chunks(delay=0) | extract(Crowd), to=sinks)
        started = asyncio.get_running_loop().time()
        await hubs.result(run)
        assert asyncio.get_running_loop().time() - started < 0.15
        while len(saved) < 20:  # noqa: ASYNC110  # the slow one is still reading
            await asyncio.sleep(0.01)
    assert [value.model_dump() for value in cast("list[Member]", saved)] == DOCUMENT["members"]
    document = Document()
    for line in lines.getvalue().splitlines():
        document.apply(from_json(line))
    assert document.value == DOCUMENT
    assert "disk full" in caplog.text


@pytest.mark.parametrize("name", ["", "a b", "a:b", "x" * 129, "é", "a/b"])
async def test_ids_are_plain(name: str) -> None:
    async with Hubs() as hubs:
        with pytest.raises(ValueError, match="an id has"):
            await hubs.start(fast(), id=name)


async def test_a_failing_run_is_reported_to_followers_and_leaves_no_task() -> None:
    async def failing() -> AsyncIterator[str]:
        yield "["
        raise OSError("gone")

    async with Hubs() as hubs:
        run = await hubs.start(failing() | extract(list[int]))
        with pytest.raises(OSError, match="gone"):
            await folded(hubs, run)
        with pytest.raises(OSError, match="gone"):
            await hubs.result(run)
    assert len(asyncio.all_tasks()) == 1


async def test_leaving_stops_two_hundred_runs() -> None:
    async with Hubs() as hubs:
        runs = [await hubs.start(endless() | extract(list[int])) for _ in range(200)]
        followers = [asyncio.create_task(folded(hubs, run)) for run in runs[::4]]
        await asyncio.sleep(0.05)
        for task in followers[::2]:
            task.cancel()
    await asyncio.gather(*followers, return_exceptions=True)
    assert len(asyncio.all_tasks()) == 1


async def test_hubs_must_be_entered() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Hubs().start(fast())

"""The browser client in Chromium, against a real server."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from support.pages import DOCUMENT, Served, served

from streamkit.hub import Hubs

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page

CHROMIUM = shutil.which("chromium")
QUIET = (
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-sync",
    "disable-background-networking",
    "disable-component-update",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")


@asynccontextmanager
async def browsing() -> AsyncGenerator[tuple[Served, BrowserContext]]:
    from playwright.async_api import async_playwright  # noqa: PLC0415  # not where there is no browser

    async with Hubs() as hubs, served(hubs) as app, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[f"--{each}" for each in QUIET])
        try:
            yield app, await browser.new_context()
        finally:
            await browser.close()


async def opened(app: Served, context: BrowserContext) -> Page:
    page = await context.new_page()
    await page.goto(app.url)
    await page.wait_for_function("window.ready")
    return page


# Follows a run and notes every state: strings only grow, and what does not change keeps its identity.
FOLLOW = """async (path) => {
  window.states = 0; window.shrunk = []; window.last = undefined;
  window.controller = new AbortController();
  window.following = follow(path, { retry: 30, signal: window.controller.signal, onState(state) {
    const before = window.last?.value?.title, now = state.value?.title;
    if (before !== undefined && !now?.startsWith(before)) window.shrunk.push([before, now]);
    window.kept = window.last?.value?.members?.[0] === state.value?.members?.[0];
    window.states++; window.last = state;
  } });
  window.following.catch((error) => { window.failed = { message: String(error), status: error.status }; });
}"""


async def end(page: Page) -> dict[str, Any]:
    await page.wait_for_function("window.last?.end", timeout=20_000)
    assert await page.evaluate("window.shrunk") == []
    found: dict[str, Any] = await page.evaluate("({value: last.value, end: last.end, gaps: last.gaps, states})")
    return found


async def test_it_fills_in_and_asks_nothing_after_the_end() -> None:
    async with browsing() as (app, context):
        page = await opened(app, context)
        run = await app.start()
        await page.evaluate(FOLLOW, f"/frames/{run}")
        found = await end(page)
        assert (found["value"], found["end"]["status"]) == (DOCUMENT, "complete")
        assert found["states"] > 5
        assert await page.evaluate("[verdict(last, ['members', 3, 'age']), verdict(last, []), kept]") == [
            "complete",
            "complete",
            True,
        ]
        await asyncio.sleep(0.3)
        assert len(app.requests) == 1


async def test_a_server_that_hangs_up_and_an_offline_spell_lose_and_double_nothing() -> None:
    async with browsing() as (app, context):
        page = await opened(app, context)
        app.cut = 6
        run = await app.start(delay=0.01)
        await page.evaluate(FOLLOW, f"/frames/{run}")
        await asyncio.sleep(0.4)
        await context.set_offline(offline=True)
        await asyncio.sleep(0.4)
        await context.set_offline(offline=False)
        found = await end(page)
        assert found["value"] == DOCUMENT
        assert len(app.requests) > 3
        assert all(resumed is not None for _, resumed in app.requests[1:])


async def test_two_tabs_agree_a_late_one_starts_from_a_snapshot_a_closed_one_is_left() -> None:
    async with browsing() as (app, context):
        first, second, third = [await opened(app, context) for _ in range(3)]
        run = await app.start(delay=0.004)
        await first.evaluate(FOLLOW, f"/frames/{run}")
        await third.evaluate(FOLLOW, f"/frames/{run}")
        await asyncio.sleep(0.3)
        await second.evaluate(FOLLOW, f"/frames/{run}")
        await second.wait_for_function("window.last?.value?.members?.length > 1")
        assert app.open == 3
        await third.close()
        async with asyncio.timeout(0.5):
            while app.open > 2:  # noqa: ASYNC110  # polled for at most half a second
                await asyncio.sleep(0.01)
        one, other = await end(first), await end(second)
        assert one["value"] == other["value"] == DOCUMENT


async def test_eight_runs_on_one_page_over_http_1() -> None:
    async with browsing() as (app, context):
        page = await opened(app, context)
        runs = [await app.start() for _ in range(8)]
        query = "&".join(f"run={run}" for run in runs)
        await page.evaluate(
            """async (path) => {
              window.many = {};
              await followMany(path, { retry: 30, onState(run, state) { window.many[run] = state; } });
              window.over = true;
            }""",
            f"/many?{query}",
        )
        states = await page.evaluate("window.many")
        assert sorted(states) == sorted(runs)
        assert all(state["value"] == DOCUMENT for state in states.values())
        assert len(app.requests) == 1


async def test_what_cannot_be_followed_is_an_error_and_leaving_is_clean() -> None:
    async with browsing() as (app, context):
        page = await opened(app, context)
        await page.evaluate(FOLLOW, "/frames/nobody")
        await page.wait_for_function("window.failed")
        assert (await page.evaluate("window.failed.status")) == 404
        run = await app.start(delay=0.01)
        await page.evaluate(FOLLOW, f"/frames/{run}")
        await page.wait_for_function("window.states > 1")
        await page.evaluate("controller.abort()")
        async with asyncio.timeout(0.5):
            while app.open:  # noqa: ASYNC110  # polled for at most half a second
                await asyncio.sleep(0.01)
        assert app.hubs.stats().running == 1

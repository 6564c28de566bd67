"""A real inference engine: schema-constrained JSON, token by token, over the OpenAI protocol.

The model was trained on notes like the seed's, so its answers can be checked to the letter.
"""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from conftest import NEEDS_ENGINE, ROOT, SHARED
from support.meeting import MEETING, MESSAGES, USERS, MeetingInfo, User

from streamkit import Document, Mode, Truncated, from_provider
from streamkit.client import AsyncClient, Client

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

ENGINE = SHARED / "engine"
ASK: dict[str, Any] = {"messages": MESSAGES, "temperature": 0, "seed": 1, "max_tokens": 600}
CUT: dict[str, Any] = {**ASK, "max_tokens": 60}
MODES = [Mode.JSON_SCHEMA, Mode.TOOLS, Mode.RESPONSES, Mode.RESPONSES_TOOLS]


def asked(mode: Mode, max_tokens: int = 600) -> dict[str, Any]:
    """What each of the two endpoints calls it."""
    limit = {"max_output_tokens": max_tokens} if mode.is_responses else {"max_tokens": max_tokens, "seed": 1}
    return {"messages": MESSAGES, "temperature": 0, "mode": mode, **limit}


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not (ENGINE / "llama-server").exists():
        pytest.skip(NEEDS_ENGINE)
    port = free_port()
    log = tmp_path_factory.mktemp("engine") / "log"
    # One thread: two that wait for each other are slow where the cores are shared with other tests.
    options = f"--host 127.0.0.1 --port {port} -c 8192 -np 4 -t 1 --alias meeting --no-webui --jinja"
    command = [str(ENGINE / "llama-server"), "-m", str(ENGINE / "meeting.gguf"), *options.split()]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as engine:
        try:
            wait_for(f"http://127.0.0.1:{port}/health", engine, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            engine.terminate()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def wait_for(url: str, engine: "subprocess.Popen[bytes]", log: Path, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and engine.poll() is None:
        try:
            if httpx2.get(url).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.02)
    pytest.fail(f"the engine did not start:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(params=["sse", "sdk"])
def source(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=MODES, ids=lambda mode: mode.value)
def mode(request: pytest.FixtureRequest) -> Mode:
    chosen: Mode = request.param
    return chosen


def sync_client(base_url: str) -> Client:
    return from_provider("openai/meeting", base_url=base_url, api_key="none")


def async_client(base_url: str) -> AsyncClient:
    return from_provider("openai/meeting", base_url=base_url, api_key="none", async_client=True)


def test_sync(base_url: str, mode: Mode, source: Any) -> None:
    document = Document()
    with sync_client(base_url) as client:
        client.source = source
        with client.stream(MeetingInfo, **asked(mode)) as run:
            for change in run:
                document.apply(change)
            assert run.result() == MEETING
            assert run.finish_reason == ("tool_calls" if mode is Mode.TOOLS else "stop")
            assert run.usage is not None
            tokens = run.usage["output_tokens" if mode.is_responses else "completion_tokens"]
            assert tokens in range(run.chunks, run.chunks + 40)
            assert json.loads(run.text) == MEETING.model_dump()
    assert document.value == MEETING.model_dump()
    assert run.chunks > 100


async def test_async(base_url: str, mode: Mode, source: Any) -> None:
    async with async_client(base_url) as client:
        client.source = source
        async with client.stream(MeetingInfo, **asked(mode)) as run:
            assert [user async for user in run.completed("/users/*")] == USERS
            assert await run.result() == MEETING


def test_create_partial(base_url: str, mode: Mode) -> None:
    with sync_client(base_url) as client:
        client.source = "sdk"  # one token at a time, whatever the socket brings
        partials = list(client.chat.completions.create_partial(response_model=MeetingInfo, **asked(mode)))
    assert partials[-1] == MEETING
    assert len(partials) > 60


async def test_create_partial_async(base_url: str) -> None:
    async with async_client(base_url) as client:
        client.source = "sdk"
        partials = [each async for each in client.create_partial(response_model=MeetingInfo, **ASK)]
    assert partials[-1] == MEETING
    assert len(partials) > 60


async def test_many_at_once(base_url: str) -> None:
    async with async_client(base_url) as client:
        runs = [client.stream(MeetingInfo, **ASK) for _ in range(4)]
        assert await asyncio.gather(*(run.result() for run in runs)) == [MEETING] * 4


def test_json_object(base_url: str) -> None:
    # The tiny model knows the seed's message alone, so the schema is not told as Mode.JSON would.
    asked: dict[str, Any] = {"response_format": {"type": "json_object"}}
    with sync_client(base_url) as client, client.stream(MeetingInfo, **asked, **ASK) as run:
        assert run.result() == MEETING


@pytest.mark.parametrize("mode", [Mode.TOOLS, Mode.RESPONSES_TOOLS], ids=lambda mode: mode.value)
def test_parallel_tools(base_url: str, mode: Mode, source: Any) -> None:
    with sync_client(base_url) as client:
        client.source = source
        with client.stream_tools([User], **asked(mode)) as run:
            assert run.results() == USERS
        assert [branch.name for branch in run.branches] == ["User"] * 3


async def test_parallel_tools_async(base_url: str) -> None:
    async with async_client(base_url) as client, client.stream_tools([User], **asked(Mode.TOOLS)) as run:
        assert await run.results() == USERS


def test_choices(base_url: str, source: Any) -> None:
    with sync_client(base_url) as client:
        client.source = source
        with client.stream_choices(MeetingInfo, n=2, **ASK) as run:
            assert run.results() == [MEETING, MEETING]


async def test_choices_async(base_url: str) -> None:
    async with async_client(base_url) as client, client.stream_choices(MeetingInfo, n=2, **ASK) as run:
        assert await run.results() == [MEETING, MEETING]


def test_an_attempt_that_a_limit_cuts_is_no_reason_to_ask_again(base_url: str) -> None:
    with sync_client(base_url) as client:
        run = client.stream(MeetingInfo, max_retries=2, **CUT)
        with pytest.raises(Truncated):
            run.result()
        assert len(run.attempts) == 1


async def test_cancelling_stops_the_engine(base_url: str) -> None:
    async with async_client(base_url) as client, client.stream(MeetingInfo, **ASK) as run:
        await anext(run)
        run.cancel()
        changes = [change async for change in run]
        assert run.end is not None
        assert run.end.status == "cancelled"
        assert len(changes) < 40


def test_a_length_cut_is_truncated(base_url: str, mode: Mode) -> None:
    with sync_client(base_url) as client:
        seen: list[MeetingInfo] = []
        # The engine's Responses API calls a cut answer complete.
        told = "the text ended inside" if mode.is_responses else "allow it more tokens"
        with pytest.raises(Truncated, match=told) as caught:
            seen.extend(client.create_partial(response_model=MeetingInfo, **asked(mode, 60)))
        assert caught.value.partial == seen[-1]
        assert seen[-1].users[0] == USERS[0]


async def test_a_length_cut_is_truncated_async(base_url: str) -> None:
    async with async_client(base_url) as client, client.stream(MeetingInfo, **CUT) as run:
        with pytest.raises(Truncated, match="allow it more tokens"):
            await run.result()
        assert run.finish_reason == "length"


def test_the_demo_against_a_live_endpoint(base_url: str) -> None:
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / "demo.py")]
    options = ["--base-url", base_url, "--model", "meeting", "--api-key", "none"]
    ran = subprocess.run([*command, *options], capture_output=True, text=True, check=True, timeout=60)
    assert '"budget": 50000' in ran.stdout
    assert ran.stderr == ""


# Anthropic's Messages API


@pytest.fixture
def address(base_url: str) -> str:
    """As the other SDK has it: it adds the version itself."""
    return base_url.removesuffix("/v1")


@pytest.mark.parametrize("mode", [Mode.JSON_SCHEMA, Mode.TOOLS], ids=lambda mode: mode.value)
def test_a_meeting_over_the_messages_api(address: str, mode: Mode) -> None:
    with (
        from_provider("anthropic/meeting", base_url=address, api_key="none", mode=mode) as client,
        client.stream(MeetingInfo, messages=MESSAGES, extra_body={"temperature": 0}) as run,
    ):
        assert run.result() == MEETING
        assert run.chunks > 20
        assert run.finish_reason == ("tool_calls" if mode is Mode.TOOLS else "stop")
        assert run.usage is not None
        assert run.usage["output_tokens"]


async def test_calls_over_the_messages_api(address: str) -> None:
    async with (
        from_provider("anthropic/meeting", base_url=address, api_key="none", async_client=True) as client,
        client.stream_tools([User], messages=MESSAGES, extra_body={"temperature": 0}) as run,
    ):
        assert await run.results() == USERS


def test_a_length_cut_over_the_messages_api(address: str) -> None:
    with (
        from_provider("anthropic/meeting", base_url=address, api_key="none") as client,
        pytest.raises(Truncated) as caught,
    ):
        client.create(response_model=MeetingInfo, messages=MESSAGES, max_tokens=30)
    assert caught.value.finish_reason == "length"

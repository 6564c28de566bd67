"""A real inference engine: schema-constrained JSON, token by token, over the OpenAI protocol.

The model was trained on notes like the seed's, so its answers can be checked to the letter.
"""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from conftest import NEEDS_ENGINE, ROOT, SHARED
from meeting import MEETING, MESSAGES, USERS, MeetingInfo, User

from streamkit import Document, Mode, Truncated, extract, from_provider
from streamkit.client import AsyncClient, Client
from streamkit.sources import openai_chat, openai_responses

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

ENGINE = SHARED / "engine"
ASK: dict[str, Any] = {"messages": MESSAGES, "temperature": 0, "seed": 1, "max_tokens": 600}
CUT: dict[str, Any] = {**ASK, "max_tokens": 60}


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


@pytest.fixture(params=[Mode.JSON_SCHEMA, Mode.TOOLS], ids=lambda mode: mode.value)
def mode(request: pytest.FixtureRequest) -> Mode:
    chosen: Mode = request.param
    return chosen


def sync_client(base_url: str) -> Client:
    return from_provider("openai/meeting", base_url=base_url, api_key="none")


def async_client(base_url: str) -> AsyncClient:
    return from_provider("openai/meeting", base_url=base_url, api_key="none", async_client=True)


def test_sync(base_url: str, mode: Mode) -> None:
    document = Document()
    with sync_client(base_url) as client, client.stream(MeetingInfo, mode=mode, **ASK) as run:
        for change in run:
            document.apply(change)
        assert run.result() == MEETING
        assert run.finish_reason == ("stop" if mode is Mode.JSON_SCHEMA else "tool_calls")
        assert run.usage is not None
        assert run.usage["completion_tokens"] in range(run.chunks, run.chunks + 40)
    assert document.value == MEETING.model_dump()
    assert run.chunks > 100


async def test_async(base_url: str, mode: Mode) -> None:
    async with async_client(base_url) as client, client.stream(MeetingInfo, mode=mode, **ASK) as run:
        assert [user async for user in run.completed("/users/*")] == USERS
        assert await run.result() == MEETING


def test_create_partial(base_url: str, mode: Mode) -> None:
    with sync_client(base_url) as client:
        partials = list(client.chat.completions.create_partial(response_model=MeetingInfo, mode=mode, **ASK))
    assert partials[-1] == MEETING
    assert len(partials) > 60


async def test_create_partial_async(base_url: str) -> None:
    async with async_client(base_url) as client:
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


def test_parallel_tools(base_url: str) -> None:
    function = {"name": "User", "parameters": User.model_json_schema()}
    asked: Any = {**ASK, "tools": [{"type": "function", "function": function}], "tool_choice": "required"}
    with openai.OpenAI(base_url=base_url, api_key="none") as sdk:
        for tool, user in enumerate(USERS):
            stream = sdk.chat.completions.create(model="meeting", stream=True, parallel_tool_calls=True, **asked)
            assert (openai_chat(stream, tool=tool) | extract(User)).result_sync() == user


def test_choices(base_url: str) -> None:
    with openai.OpenAI(base_url=base_url, api_key="none") as sdk:
        asked: Any = ASK
        for choice in range(2):
            stream = sdk.chat.completions.create(model="meeting", stream=True, n=2, **asked)
            assert (openai_chat(stream, choice=choice) | extract(MeetingInfo)).result_sync() == MEETING


async def test_responses(base_url: str) -> None:
    async with openai.AsyncOpenAI(base_url=base_url, api_key="none") as sdk:
        asked: Any = {"input": MESSAGES, "temperature": 0, "max_output_tokens": 600}
        stream = await sdk.responses.create(model="meeting", stream=True, **asked)
        source = openai_responses(stream)
        assert await (source | extract(MeetingInfo)).result() == MEETING
        assert source.finish.reason == "stop"


@pytest.mark.parametrize("mode", [Mode.JSON_SCHEMA, Mode.TOOLS], ids=lambda mode: mode.value)
def test_a_length_cut_is_truncated(base_url: str, mode: Mode) -> None:
    with sync_client(base_url) as client:
        seen: list[MeetingInfo] = []
        with pytest.raises(Truncated, match="allow it more tokens") as caught:
            seen.extend(client.create_partial(response_model=MeetingInfo, mode=mode, **CUT))
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

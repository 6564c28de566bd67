"""Reading pipes in async code: a read that is given up loses nothing, and keeps neither loop nor process alive."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

import pytest

from streamkit import StreamkitError
from streamkit.operators import timeout
from streamkit.sources import file

PROGRAM = """
import asyncio, io, os, sys
from streamkit.operators import accumulate, timeout, throttle
from streamkit.sources import file, stdin

async def main():
    try:
        async with {source} | {stage} as changes:
            async for change in changes:
                print(change.op, flush=True)
    except TimeoutError:
        print("given up", flush=True)

async def cancelled():
    try:
        async with asyncio.timeout(0.4):
            await main()
    except TimeoutError:
        print("cancelled", flush=True)

asyncio.run({main}())
print("bye", flush=True)
"""


TIMEOUT = ("accumulate() | timeout(first=0.2, between=0.2)", "main", ["given", "up"])
CANCELLED = ("accumulate() | throttle(0.01)", "cancelled", ["cancelled"])


@pytest.mark.parametrize(
    ("source", "how"),
    [
        ("stdin()", TIMEOUT),
        ("stdin()", CANCELLED),
        ("file(sys.stdin.buffer)", CANCELLED),
        ("file(sys.stdin)", TIMEOUT),  # in text mode: it waits for a whole chunk
        ("file('/dev/stdin')", CANCELLED),
        ("file(os.fdopen(0, 'rb'))", TIMEOUT),
    ],
)
def test_a_read_that_is_given_up_does_not_keep_the_process_alive(source: str, how: tuple[str, str, list[str]]) -> None:
    stage, main, said = how
    program = PROGRAM.format(source=source, stage=stage, main=main)
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b'{"a": ')
            process.stdin.flush()
            assert process.wait(timeout=10) == 0
            assert process.stdout.read().decode().split()[-len(said) - 1 :] == [*said, "bye"]
        finally:
            process.kill()


@pytest.fixture
def pipe() -> Any:
    end, other = os.pipe()
    with os.fdopen(end, "rb") as reading, os.fdopen(other, "wb", buffering=0) as writing:
        yield reading, writing


async def all_of(flow: Any) -> list[bytes]:
    async with flow as items:
        return [item async for item in items]


async def test_a_read_that_is_given_up_loses_nothing(pipe: tuple[IO[bytes], IO[bytes]]) -> None:
    reading, writing = pipe
    source = file(reading)
    writing.write(b"one")
    for text in (b"two", b"three"):
        with pytest.raises(TimeoutError):
            await all_of(source | timeout(first=0.1, between=0.05))
        writing.write(text)
    writing.close()
    assert await all_of(source | timeout(first=1)) == [b"three"]
    reading.close()  # no thread holds it


async def test_bytes_that_were_read_before_are_not_waited_for(pipe: tuple[IO[bytes], IO[bytes]]) -> None:
    reading, writing = pipe
    writing.write(b"header\n[1]")
    assert reading.readline() == b"header\n"
    async with file(reading) | timeout(first=1, between=1) as items:
        assert await anext(items) == b"[1]"
        writing.write(b"[2]")
        assert await anext(items) == b"[2]"
    assert os.get_blocking(reading.fileno())


async def test_a_named_pipe_that_nobody_writes_to(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(TimeoutError):
        async with file(path) | timeout(first=0.05) as items:
            await anext(items)
    with path.open("wb") as writing:  # the one that was given up opens it, and closes it
        writing.write(b"")
    for _ in range(100):
        if not [thread for thread in threading.enumerate() if thread.name == "streamkit file"]:
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("the thread goes on")


async def test_a_read_of_something_else_that_is_given_up() -> None:
    class Slow(io.RawIOBase):
        def readinto(self, buffer: Any) -> int:
            time.sleep(0.1)
            return 0

        def readable(self) -> bool:
            return True

    for slow in (Slow(), io.BufferedReader(Slow())):
        with pytest.raises(TimeoutError):
            async with file(slow) | timeout(first=0.02) as items:
                await anext(items)


def test_a_file_needs_asyncio() -> None:
    reading = file(io.BytesIO(b"x")).__aiter__()
    with pytest.raises(StreamkitError, match="asyncio"):
        reading.__anext__().send(None)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # a coroutine

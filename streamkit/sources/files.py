"""Text from a file, a pipe or standard input, in pieces as they can be read."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from io import BufferedReader, FileIO
from os import PathLike
from pathlib import Path
from stat import S_ISFIFO, S_ISSOCK
from typing import Protocol, cast

from anyio import wait_readable

from streamkit.sources.daemon import DaemonCalls

__all__ = ["Readable", "ReadableFile", "file", "stdin"]


class Readable(Protocol):
    """An open file, in text or in binary mode; whatever has a `read`."""

    def read(self, size: int, /) -> str | bytes: ...


def file(source: str | PathLike[str] | Readable, *, chunk_size: int = 65536) -> ReadableFile:
    """The content of a file, as a source for `for` and `async for` alike.

    Args:
        source: a path, opened anew (in binary) each time the source is iterated and closed after it; or an
            open file, read from where it stands and left open.
        chunk_size: how much to ask for at once, in bytes (characters in text mode). What is there is passed
            on: a pipe's reader does not wait for the chunk to fill.

    Raises:
        ValueError: `chunk_size` is not positive.
    """
    return ReadableFile(source, chunk_size)


def stdin(*, chunk_size: int = 65536) -> ReadableFile:
    """The bytes of standard input, each piece as soon as it is there."""
    return ReadableFile(sys.stdin.buffer, chunk_size)


class ReadableFile:
    """A file to be read in pieces; what `file` and `stdin` return."""

    def __init__(self, source: str | PathLike[str] | Readable, chunk_size: int) -> None:
        if chunk_size < 1:
            raise ValueError(f"chunk_size={chunk_size}: at least one byte is read at a time")
        self._source, self._size = source, chunk_size

    def __iter__(self) -> Iterator[str | bytes]:
        with self._reader() as read:
            while chunk := read(self._size):
                yield chunk

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        # In a thread: reading a disk takes time, and opening or reading a pipe may take for ever.
        calls, opened = DaemonCalls(), ExitStack()
        try:
            read = await calls.call(lambda: opened.enter_context(self._reader()))
            pipe = _pipe_of(read)
            if pipe is not None and not _is_buffered(read, pipe):
                pipe = await _wait_for(pipe)
            while chunk := await calls.call(lambda: read(self._size)):
                yield chunk
                pipe = await _wait_for(pipe)
        finally:
            calls.close(opened.close)

    @contextmanager
    def _reader(self) -> Generator[Callable[[int], str | bytes]]:
        if isinstance(self._source, (str, PathLike)):
            with Path(self._source).open("rb", buffering=0) as opened:
                yield cast("Callable[[int], bytes]", opened.read)
        else:
            # `read1` gives what is there; `read` would wait for the whole chunk.
            yield getattr(self._source, "read1", self._source.read)


def _pipe_of(read: object) -> int | None:
    """Return the descriptor of a pipe, socket or terminal that can be waited for; None for other files.

    In text mode, a read waits for a whole chunk, however much of it is there.
    """
    opened = getattr(read, "__self__", None)
    if os.name == "nt" or not isinstance(opened, (BufferedReader, FileIO)):
        return None
    try:
        descriptor = opened.fileno()
    except OSError:
        return None
    mode = os.fstat(descriptor).st_mode
    return descriptor if S_ISFIFO(mode) or S_ISSOCK(mode) or os.isatty(descriptor) else None


def _is_buffered(read: object, pipe: int) -> bool:
    """Whether an open file has bytes that were read from its pipe before."""
    opened = getattr(read, "__self__", None)
    if not isinstance(opened, BufferedReader):
        return False
    blocking = os.get_blocking(pipe)
    os.set_blocking(pipe, False)  # else peek() waits if there is nothing
    try:
        return bool(opened.peek(1))
    finally:
        os.set_blocking(pipe, blocking)


async def _wait_for(pipe: int | None) -> int | None:
    """Wait until a pipe can be read without waiting: unlike a read, this can be given up, and loses nothing."""
    if pipe is not None:
        await wait_readable(pipe)
    return pipe

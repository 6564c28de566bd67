"""Text from a file, a pipe or standard input, in pieces as they can be read."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Protocol, cast

from anyio import to_thread

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
        # In a thread: reading a pipe waits, and reading a disk may.
        with self._reader() as read:
            # A read that is given up goes on in its thread, so only on a file that nobody closes meanwhile.
            given_up = not isinstance(self._source, (str, PathLike))
            while chunk := await to_thread.run_sync(read, self._size, abandon_on_cancel=given_up):
                yield chunk

    @contextmanager
    def _reader(self) -> Generator[Callable[[int], str | bytes]]:
        if isinstance(self._source, (str, PathLike)):
            with Path(self._source).open("rb", buffering=0) as opened:
                yield cast("Callable[[int], bytes]", opened.read)
        else:
            # `read1` gives what is there; `read` would wait for the whole chunk.
            yield getattr(self._source, "read1", self._source.read)

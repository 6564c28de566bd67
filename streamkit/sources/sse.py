"""Server-Sent Events out of the bytes of an HTTP body, cut anywhere, as the WHATWG's standard reads them.

in    b'data: {"a"'   b': 1}\\n\\ndata: x\\n'   b'data: y\\n\\n'
out                   {"a": 1}                  x\\ny
"""

from __future__ import annotations

from streamkit.errors import ProviderError

__all__ = ["EventTooLarge", "Framer"]

_BOM = b"\xef\xbb\xbf"

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one line. The longest that providers send are whole answers: a few megabytes."""

MAX_EVENT = 32 * 1024 * 1024
"""Bytes of one event's data."""


class EventTooLarge(ProviderError):
    """A line or an event of the body is too long.

    Attributes:
        events: the data of the events before it, from the same read.
    """

    def __init__(self, what: str, most: int, events: list[bytes]) -> None:
        super().__init__(
            f"the provider sent {what} of more than {most:,} bytes in its stream of events: check that base_url is an "
            "endpoint that streams, and ask for less in one answer"
        )
        self.events = events


class Framer:
    """Receives bytes, returns the data of complete events; does no I/O.

    Lines end with CR, LF or CRLF; comments, event names, ids and retry times are ignored; an event without data is
    none; what follows the last blank line when the body ends is no event.
    """

    __slots__ = ("_after_cr", "_begun", "_data", "_joined", "_line")

    def __init__(self) -> None:
        self._line: bytes | bytearray = b""  # of a line that has not ended; a bytearray from its second piece
        self._data: bytes | None = None  # of the event that has not ended
        self._joined: bytearray | None = None  # the same, if it has several lines
        self._after_cr = False  # an LF that comes next belongs to it
        self._begun = False

    @property
    def rests(self) -> bool:
        """Whether nothing has begun that the next bytes could belong to, and no byte order mark can come any more."""
        return self._begun and self._data is self._joined is None and not self._line and not self._after_cr

    def feed(self, read: bytes) -> list[bytes]:
        """Receive what was read; return the data of each event that ends in it.

        Raises:
            EventTooLarge: a line is longer than 16 MiB, or the data of an event than 32 MiB.
        """
        if self._after_cr and read:
            self._after_cr = False
            read = read.removeprefix(b"\n")
        lines = read.splitlines()
        if not lines:
            return []
        last = None if read[-1] in b"\r\n" else lines.pop()
        if lines and self._line:
            lines[0] = bytes(self._line + lines[0])
            self._line = b""
            if len(lines[0]) > MAX_LINE:
                raise EventTooLarge("a line", MAX_LINE, [])
        if len(read) > MAX_LINE:
            self._check(lines if last is None else [*lines, last])
        if lines and not self._begun:
            self._begun = True
            lines[0] = lines[0].removeprefix(_BOM)
        if last is None:
            self._after_cr = read[-1] == 13
        elif not self._line:
            self._line = last
        else:
            self._add_to_line(last, lines)
        return self._events(lines)

    def _add_to_line(self, piece: bytes, lines: list[bytes]) -> None:
        """Keep a piece of a line that has not ended."""
        if isinstance(self._line, bytearray):
            self._line += piece
        else:
            self._line = bytearray(self._line + piece)
        if len(self._line) > MAX_LINE:
            raise EventTooLarge("a line", MAX_LINE, self._events(lines))

    def _check(self, lines: list[bytes]) -> None:
        """Raise if a line is too long, with the events before it."""
        for index, line in enumerate(lines):
            if len(line) > MAX_LINE:
                raise EventTooLarge("a line", MAX_LINE, self._events(lines[:index]))

    def _events(self, lines: list[bytes]) -> list[bytes]:
        if self._joined is not None:
            return self._long_events(lines)
        events: list[bytes] = []
        data = self._data
        for line in lines:
            if not line:
                if data:
                    events.append(data)
                data = None
            elif data is not None and line.startswith(b"data"):
                return self._long_events(lines)  # perhaps: it reads these lines again, from the first one
            elif line.startswith(b"data:"):
                data = line[6:] if line[5:6] == b" " else line[5:]
            elif line == b"data":
                data = b""
        self._data = data
        return events

    def _long_events(self, lines: list[bytes]) -> list[bytes]:
        """`_events` for events with several lines of data: these are joined in place, so that it stays linear."""
        events: list[bytes] = []
        joined = self._joined if self._data is None else bytearray(self._data)
        self._data = None
        for line in lines:
            if not line:
                if joined:
                    events.append(bytes(joined))
                joined = None
            elif line.startswith(b"data:") or line == b"data":
                value = line[6:] if line[5:6] == b" " else line[5:]
                if joined is None:
                    joined = bytearray(value)
                else:
                    joined += b"\n"
                    joined += value
                if len(joined) > MAX_EVENT:
                    raise EventTooLarge("an event", MAX_EVENT, events)
        self._joined = joined
        return events

"""Server-Sent Events out of the bytes of an HTTP body, cut anywhere, as the WHATWG's standard reads them.

in    b'data: {"a"'   b': 1}\\n\\ndata: x\\n'   b'data: y\\n\\n'
out                   {"a": 1}                  x\\ny
"""

from __future__ import annotations

__all__ = ["Framer"]

_BOM = b"\xef\xbb\xbf"


class Framer:
    """Takes bytes, gives the data of the events that are whole; does no I/O.

    Lines end with CR, LF or CRLF; comments, event names, ids and retry times are passed over; an event
    without data is none; what stands after the last blank line when the body ends is no event.
    """

    __slots__ = ("_after_cr", "_begun", "_data", "_line")

    def __init__(self) -> None:
        self._line: list[bytes] = []  # pieces of a line that has not ended
        self._data: bytes | None = None  # of the event that has not ended
        self._after_cr = False  # an LF that comes next belongs to it
        self._begun = False

    @property
    def rests(self) -> bool:
        """Whether nothing has begun that the next bytes could belong to, and no byte order mark can come any more."""
        return self._begun and self._data is None and not self._line and not self._after_cr

    def feed(self, read: bytes) -> list[bytes]:
        """Take what was read; return the data of each event that ends in it."""
        if self._after_cr and read:
            self._after_cr = False
            read = read.removeprefix(b"\n")
        lines = read.splitlines()
        if not lines:
            return []
        last = None if read[-1] in b"\r\n" else lines.pop()
        if lines and self._line:
            lines[0] = b"".join((*self._line, lines[0]))
            self._line.clear()
        if lines and not self._begun:
            self._begun = True
            lines[0] = lines[0].removeprefix(_BOM)
        if last is None:
            self._after_cr = read[-1] == 13
        else:
            self._line.append(last)
        return self._events(lines)

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        data = self._data
        for line in lines:
            if not line:
                if data:
                    events.append(data)
                data = None
            elif line.startswith(b"data:"):
                value = line[6:] if line[5:6] == b" " else line[5:]
                data = value if data is None else data + b"\n" + value
            elif line == b"data":
                data = b"" if data is None else data + b"\n"
        self._data = data
        return events

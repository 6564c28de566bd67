"""`Repeats`: events that differ from one before in nothing but one string, read without parsing them again.

    {"id": "1", "choices": [{"delta": {"content": "Jo"}, "index": 0}], "obfuscation": "x8"}
    '------------------ head ------------------'    '------ tail ------'                '-' padding

Most events of an answer are alike, byte by byte, but for the token they carry (and padding, in which case the
tail ends where that begins). What has the same head and tail, and between them the inside of a JSON string,
parses to the same object with another string. Everything else is parsed.

Where a slow model has each event sent, and read, by itself, all that is around it is alike, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pydantic_core import from_json

from streamkit.sources.answer import Piece, Place
from streamkit.sources.sse import Framer

__all__ = ["Repeats"]

_KEYS = tuple(
    b'"%b":%b"' % (key, space) for key in (b"content", b"arguments", b"text", b"partial_json") for space in (b"", b" ")
)
# The inside of a string, perhaps with escapes that are none: whoever reads it will tell.
_INSIDE = re.compile(rb'[^"\\\x00-\x1f]*(?:\\[\x21-\x7e][^"\\\x00-\x1f]*)*')
_PADDING = re.compile(rb'"obfuscation": ?"')
_PADDED = re.compile(rb'[A-Za-z0-9_-]*"\}')
_BACKSLASH = ord("\\")  # as a number: looked for as bytes, it makes and drops an exception each time
_PATIENCE = 8  # events that may be unlike any before, until no more are compared


class Repeats:
    """Remembers one event and its one piece."""

    __slots__ = ("_after", "_before", "_head", "_misses", "_padded", "_place", "_rest", "_size", "_tail")

    def __init__(self) -> None:
        self._head = self._tail = b""
        # In a read that has such an event alone: what comes before the string, after it, and after the event.
        self._before: bytes | None = None
        self._rest = self._after = b""
        self._size = self._misses = 0
        self._padded = False
        self._place: Place = (0, "content")

    def read(self, data: bytes) -> Piece | None:
        """The piece of an event that is like the one remembered; None if it has to be parsed."""
        if not self._size or not data.startswith(self._head):
            return None
        return self._inside(data, self._size, self._tail)

    def read_alone(self, read: bytes) -> Piece | None:
        """The same of all that one read brings, if it is such an event and has around it what that one had."""
        before = self._before
        if before is None or not read.startswith(before):
            return None
        return self._inside(read, len(before), self._rest, self._after)

    def forget(self) -> None:
        """Take the next event for unlike any before."""
        self._size = 0
        self._before = None

    def learn(self, data: bytes, piece: Piece, parse: Callable[[bytes], Sequence[Piece]]) -> None:
        """Remember an event that was parsed.

        Args:
            data: the event.
            piece: the only piece that was in it.
            parse: parses an event and remembers nothing of it; asked whether it is indeed that string that makes
                the piece.
        """
        self._misses += 1
        self.forget()
        key = next((each for each in _KEYS if each in data), None)
        if key is None or self._misses > _PATIENCE:
            return
        start = data.index(key) + len(key)
        inside = _INSIDE.match(data, start)
        end = inside.end() if inside is not None else start
        padding = _PADDING.search(data, end)
        self._padded = padding is not None
        if padding is not None and _PADDED.fullmatch(data, padding.end()) is None:
            return
        place, text = piece
        if from_json(b'"%b"' % data[start:end]) != text:
            return
        self._head, self._place = data[:start], place
        self._tail = data[end : padding.end()] if padding is not None else data[end:]
        if list(parse(data[:end] + b"?" + data[end:])) == [(place, text + "?")]:
            self._size = start

    def learn_alone(self, data: bytes, read: bytes) -> None:
        """Remember what is around the event, which is like the one remembered, in a read that brought nothing else."""
        at = read.find(data)
        if not self._size or at < 0:
            return
        start = at + self._size
        # The same bytes may stand in a comment, too: is it this string that the event is framed with?
        if Framer().feed(read[:start] + b"?" + read[start:]) == [data[: self._size] + b"?" + data[self._size :]]:
            self._before, self._after = read[:start], read[at + len(data) :]
            self._rest = self._tail if self._padded else self._tail + self._after

    def _inside(self, data: bytes, start: int, rest: bytes, after: bytes = b"") -> Piece | None:
        """The piece whose text begins here, if what follows is the rest; or the rest, padding, and what is after."""
        end = data.find(b'"', start)
        raw = data[start:end]
        escaped = _BACKSLASH in raw
        if escaped:
            inside = _INSIDE.match(data, start)
            end = inside.end() if inside is not None else 0
            raw = data[start:end]
        if not data.startswith(rest, end):
            return None
        end += len(rest)
        if self._padded:
            if not data.endswith(after) or _PADDED.fullmatch(data, end, len(data) - len(after)) is None:
                return None
        elif end != len(data):
            return None
        try:
            text: str = from_json(b'"%b"' % raw) if escaped else raw.decode()
        except ValueError:
            return None
        # A control character is not allowed there; of what else cannot be printed, the parser tells.
        if not text or not (escaped or text.isprintable()):
            return None
        self._misses = 0
        return (self._place, text)

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
from typing import Any, TypeAlias

from pydantic_core import from_json

from streamkit.sources.answer import Piece, Slot
from streamkit.sources.sse import Framer

__all__ = ["Known", "Repeats", "no_pieces"]

_KEYS = tuple(
    b'"%b":%b"' % (key, space) for key in (b"content", b"arguments", b"text", b"partial_json") for space in (b"", b" ")
)
# The inside of a string, perhaps with escapes that are none: whoever reads it will tell.
_INSIDE = re.compile(rb'[^"\\\x00-\x1f]*(?:\\[\x21-\x7e][^"\\\x00-\x1f]*)*')
_PADDING = re.compile(rb'"obfuscation": ?"')
_PADDED = re.compile(rb'[A-Za-z0-9_-]*"\}').fullmatch
_SURROGATE = re.compile("[\ud800-\udfff]").search
_BACKSLASH, _QUOTE = b'\\"'  # as numbers: looked for as bytes, each makes and drops an exception each time
_PATIENCE = 8  # events that may be unlike any before, until no more are compared


Known: TypeAlias = Callable[[Any], Sequence[Piece]]
"""What gives the pieces of a read that is of a known kind; none of others."""


def no_pieces(read: object) -> Sequence[Piece]:
    """What is known of a read where no kind is known."""
    return ()


class _Mould:
    """What stands around the string of an event, and where its text goes.

    Args:
        head: what comes before the string.
        tail: what comes behind it; up to the padding if it is padded.
        padded: random characters and the end of the object follow the tail.
        after: what follows the event.
        place: where its text goes.
    """

    __slots__ = ("after", "head", "padded", "place", "size", "start", "tail", "used")

    def __init__(self, head: bytes, tail: bytes, place: Slot, *, padded: bool, after: bytes = b"") -> None:
        self.head, self.start, self.place, self.padded = head, len(head), place, padded
        self.tail, self.after = (tail, after) if padded else (tail + after, b"")
        self.size = len(self.tail)
        self.used = False

    def read(self, data: bytes) -> Sequence[Piece]:
        """The one piece in what was made in this mould; none in anything else."""
        if not data.startswith(self.head):
            return ()
        start = self.start
        end = data.find(self.tail, start)
        if end < 0:
            return ()
        if self.padded:
            if not data.endswith(self.after) or not _PADDED(data, end + self.size, len(data) - len(self.after)):
                return ()
        elif end + self.size != len(data):
            return ()
        raw = data[start:end]
        # By far the most escapes are of quotes.
        rest = raw.replace(b'\\"', b"") if _BACKSLASH in raw else raw
        try:
            if _BACKSLASH in rest:
                text: str = from_json(b'"%b"' % raw)
            elif _QUOTE in rest:
                return ()
            else:
                text = raw.decode() if rest is raw else raw.decode().replace('\\"', '"')
                # A control character is not allowed there; of what else cannot be printed, the parser tells.
                if not text.isprintable():
                    return ()
        except ValueError:
            return ()
        if not text:
            return ()
        self.used = True
        return ((self.place, text),)

    def between(self, before: bytes, after: bytes) -> _Mould:
        """The same for what has this before and after each event."""
        return _Mould(before + self.head, self.tail, self.place, padded=self.padded, after=after)


class Repeats:
    """Remembers one event and its one piece."""

    __slots__ = ("_alone", "_event", "_misses")

    def __init__(self) -> None:
        self._event: _Mould | None = None
        self._alone: _Mould | None = None  # the same for a read that brings such an event and nothing else
        self._misses = 0

    @property
    def read_alone(self) -> Known:
        """What gives the one piece of a read that brings such an event alone, with around it what that one had.

        To be asked only of a read that begins where no event has begun.
        """
        return self._alone.read if self._alone is not None else no_pieces

    def read(self, data: bytes) -> Sequence[Piece]:
        """The one piece of an event that is like the one remembered; none if it has to be parsed."""
        return self._event.read(data) if self._event is not None else ()

    def forget(self) -> None:
        """Take the next event for unlike any before."""
        if any(mould is not None and mould.used for mould in (self._event, self._alone)):
            self._misses = 0
        self._event = self._alone = None

    def learn(self, data: bytes, piece: Piece, parse: Callable[[bytes], Sequence[Piece]]) -> None:
        """Remember an event that was parsed.

        Args:
            data: the event.
            piece: the only piece that was in it.
            parse: parses an event and remembers nothing of it; asked whether it is indeed that string that makes
                the piece.
        """
        self.forget()
        self._misses += 1
        key = next((each for each in _KEYS if each in data), None)
        if key is None or self._misses > _PATIENCE:
            return
        start = data.index(key) + len(key)
        inside = _INSIDE.match(data, start)
        end = inside.end() if inside is not None else start
        padding = _PADDING.search(data, end)
        if padding is not None and _PADDED(data, padding.end()) is None:
            return
        place, text = piece
        if not text.isascii() and _SURROGATE(text):
            return
        if from_json(b'"%b"' % data[start:end]) != text:
            return
        tail = data[end : padding.end()] if padding is not None else data[end:]
        if list(parse(data[:end] + b"?" + data[end:])) == [(place, text + "?")]:
            self._event = _Mould(data[:start], tail, place, padded=padding is not None)

    def learn_alone(self, data: bytes, read: bytes) -> None:
        """Remember what is around the event, which is like the one remembered, in a read that brought nothing else."""
        event = self._event
        at = read.find(data)
        if event is None or at < 0:
            return
        start = at + event.start
        # The same bytes may stand in a comment, too: is it this string that the event is framed with?
        framed = Framer().feed(read[:start] + b"?" + read[start:])
        if framed == [data[: event.start] + b"?" + data[event.start :]]:
            self._alone = event.between(read[:at], read[at + len(data) :])

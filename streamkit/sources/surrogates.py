"""`SurrogateJoiner`: joins a character of which two pieces have a half each.

    ('content', 'a\\ud83d'), ('content', '\\ude00b')   ->   ('content', 'a'), ('content', '😀b')

Whoever cuts text by UTF-16, as JavaScript does, may cut between the two surrogates of one character. Each half is then
escaped by itself, which JSON allows (RFC 8259, section 8.2), and is no text.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamkit.sources.answer import Piece, Slot

__all__ = ["SurrogateJoiner"]

_HIGH, _LOW, _END = "\ud800", "\udc00", "\ue000"


class SurrogateJoiner:
    """Keeps back the first half of a character until its second one comes.

    One that never comes is not told: it is no text.

    Attributes:
        held: the half that each place waits with.
    """

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held: dict[Slot, str] = {}

    def joined(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """The pieces, with whole characters alone."""
        if not self.held and all(text[-1] < _HIGH or text[-1] >= _LOW for _, text in pieces):
            return pieces
        out: list[Piece] = []
        for place, more in pieces:
            text = _joined(self.held.pop(place, ""), more)
            if _HIGH <= text[-1] < _LOW:
                self.held[place], text = text[-1], text[:-1]
            if text:
                out.append((place, text))
        return out


def _joined(half: str, text: str) -> str:
    if half and _LOW <= text[0] < _END:
        return (half + text[0]).encode("utf-16", "surrogatepass").decode("utf-16") + text[1:]
    return half + text

"""What the scanner calls: `Receiver` for tokens, `Observer` while a container's raw text is buffered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from streamkit.changes.change import Path
    from streamkit.changes.json_values import Json

__all__ = ["BUFFER_ONLY", "Observer", "Receiver"]


class Observer:
    """Gets the tokens of a container while its raw text is buffered. This one ignores them.

    A method that returns True ends the buffering: `Receiver.enter` gets the text so far.
    """

    __slots__ = ()

    def open_object(self) -> None: ...
    def open_array(self) -> None: ...

    def close(self) -> bool:
        return False

    def key(self, name: str, /) -> bool:
        return False

    def text(self, text: str, /) -> bool:
        return False

    def text_start(self, text: str, /) -> None: ...
    def text_more(self, text: str, /) -> None: ...

    def text_end(self, text: str, /) -> bool:
        return False

    def scalar(self, text: str, /) -> bool:
        return False

    def whole(self, value: Json, text: str, start: int, end: int, /) -> bool:
        return False


BUFFER_ONLY = Observer()
"""What `Receiver.open_*` returns to have a container buffered until it closes."""


class Receiver(Protocol):
    """Gets the tokens of a text.

    `open_*` return an `Observer` to have the raw text of the container buffered; the observer then gets its tokens.
    `key` and `close` return True to get the raw text of the current container, from its beginning, by `raw`; that
    is possible only if `enter` asked to keep it.
    """

    def open_object(self) -> Observer | None: ...
    def open_array(self) -> Observer | None: ...
    def close(self) -> bool: ...
    def key(self, name: str, /) -> bool: ...
    def text(self, text: str, /) -> object:
        """Take a string that is complete in this piece."""

    def text_start(self, text: str, /) -> None:
        """Take the beginning of a string; may be empty."""

    def text_more(self, text: str, /) -> None:
        """Take more of the string; never empty."""

    def text_end(self, text: str, /) -> object:
        """Take the last of the string; may be empty."""

    def scalar(self, text: str, /) -> object:
        """Take a number, `true`, `false` or `null`, as written."""

    def whole(self, value: Json, text: str, start: int, end: int, /) -> object:
        """Take a container that is complete in this piece: its value, and its text as `text[start:end]`."""

    def raw(self, text: str, /) -> None:
        """Take the raw text of a container that was buffered or asked for."""

    def enter(self, text: str, /) -> bool:
        """Take the text so far of a container whose observer has seen enough; its other tokens follow as usual.

        Returns:
            Whether to keep the container's text, for `key` and `close` to ask for it.
        """
        ...

    def where(self, *, inside: bool) -> Path:
        """Return the path of the value being read; with `inside=False`, of the container that expects more."""
        ...

"""What the scanner calls: `Receiver` for tokens, `Observer` while a container's raw text is buffered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from streamkit.changes.change import Path
    from streamkit.changes.json_values import Json

__all__ = ["BUFFER_ONLY", "Observer", "Receiver"]


class Observer:
    """Looks on while a container's raw text is collected. This one sees nothing.

    What returns True says that enough was seen: the container is to be entered now.
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
"""For `Receiver.open_*` to return, where a container's raw text is wanted and nothing else."""


class Receiver(Protocol):
    """Who is told what the text says.

    `open_*` return a watcher to have the container's raw text collected: it is told what stands in it
    meanwhile. `key` and `close` return True to have the text of the container around, from its beginning,
    if that was asked for when it was entered.
    """

    def open_object(self) -> Observer | None: ...
    def open_array(self) -> Observer | None: ...
    def close(self) -> bool: ...
    def key(self, name: str, /) -> bool: ...
    def text(self, text: str, /) -> object:
        """A string that began and ended in this piece."""

    def text_start(self, text: str, /) -> None:
        """The beginning of a string, perhaps empty."""

    def text_more(self, text: str, /) -> None:
        """More of it, never empty."""

    def text_end(self, text: str, /) -> object:
        """The last of it, perhaps empty."""

    def scalar(self, text: str, /) -> object:
        """A number, `true`, `false` or `null`, as it was written."""

    def whole(self, value: Json, text: str, start: int, end: int, /) -> object:
        """A container that began and ended in this piece, read, and where it stands."""

    def raw(self, text: str, /) -> None:
        """The text of a container that was asked for."""

    def enter(self, text: str, /) -> bool:
        """The text so far of a container whose watcher has seen enough; what follows is told as ever.

        True asks to keep its text: `key` and `close` may want it again.
        """
        ...

    def where(self, *, inside: bool) -> Path:
        """The path of the value being read; not `inside`, of the container that waits for more."""
        ...

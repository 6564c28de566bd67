"""Each change as a line of text, for the eye: what the console shows where it cannot draw."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from streamkit.changes.change import Change, End
from streamkit.untrusted import printable

if TYPE_CHECKING:
    from streamkit.sinks.jsonlines import TextFile

__all__ = ["Lines", "shown_pointer", "told"]


class Lines:
    """Each change as a line of text."""

    def __init__(self, file: TextFile) -> None:
        self._file = file

    def take(self, batch: Sequence[Change[object]], /) -> None:
        self._file.write(
            "".join(
                f"{change.op:<9}  {printable(change.pointer, 200) or '(root)'}  {told(change)}".rstrip() + "\n"
                for change in batch
            )
        )
        self._file.flush()

    def close(self) -> None:
        """The file is its owner's to close."""


def shown_pointer(change: Change[object]) -> str:
    """A change's path, safe to show."""
    return printable(change.pointer, 200) or "(root)"


def told(change: Change[object], width: int = 100) -> str:
    """A change's value on one line."""
    value = change.value
    if change.op == "end":
        end = cast("End", value)
        text = end.status if end.error is None else f"{end.status}: {end.error}"
    elif change.op == "complete":
        text = repr(value)
    elif change.op == "remove":
        text = ""
    elif change.op == "invalid":
        text = "; ".join(str(error["msg"]) for error in cast("list[dict[str, object]]", value))
    else:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    return printable(text, width)

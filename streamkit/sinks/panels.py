"""The record and its changes side by side, drawn with rich. The only file that imports it."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TextIO, cast

from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from streamkit.changes.change import Change, Path
from streamkit.changes.document import Document
from streamkit.sinks.lines import shown_pointer, told
from streamkit.untrusted import printable

__all__ = ["Panels"]

_OP_STYLES = {"add": "cyan", "append": "blue", "complete": "green", "replace": "yellow", "remove": "yellow"}
_MARKS = {"complete": ("✓", "green"), "open": ("•", "yellow"), "invalid": ("✗", "bold red")}
_SECONDS_PER_FRAME = 1 / 30
_LINES = 30
"""More than this, and the newest are shown."""


class Panels:
    """The record and the changes, drawn with rich."""

    def __init__(self, file: TextIO, title: str | None, model: object) -> None:
        self._document = Document()
        self._changes: deque[Change[object]] = deque(maxlen=_LINES)
        self._count, self._drawn = 0, 0.0
        self._title = title or str(getattr(model, "__name__", "record"))
        self._awaited = tuple(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else ()
        self._console = Console(file=file, force_terminal=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._live.start()

    def take(self, batch: Sequence[Change[object]], /) -> None:
        for change in batch:
            self._document.apply(change)
            self._changes.append(change)
        self._count += len(batch)
        now = time.monotonic()
        if now - self._drawn >= _SECONDS_PER_FRAME:
            self._drawn = now
            self._live.update(self._picture(self._console), refresh=True)

    def close(self) -> None:
        self._live.update(self._picture(self._console), refresh=True)
        self._live.stop()

    def _picture(self, to: Console) -> RenderableType:
        height = min(to.size.height - 1, _LINES)
        grid = Table.grid(expand=True)
        grid.add_column(ratio=9)
        grid.add_column(ratio=10)
        end = self._document.end
        status = end.status if end is not None else "streaming"
        record = list(_Record(self._document, to.size.width * 9 // 19 - 4).lines(self._awaited))
        changes = [_change_line(change) for change in self._changes]
        grid.add_row(
            _panel(self._title, record, height, status), _panel("changes", changes, height, f"{self._count} changes")
        )
        return grid


def _panel(title: str, lines: list[Text], height: int, below: str) -> Panel:
    shown = lines[-(height - 2) :]
    return Panel(
        Text("\n", no_wrap=True, overflow="ellipsis").join(shown),
        title=f"[bold]{title}",
        subtitle=f"[dim]{below}",
        title_align="left",
        subtitle_align="right",
        height=height,
        border_style="dim",
    )


def _change_line(change: Change[object]) -> Text:
    style = _OP_STYLES.get(change.op, "bold red" if change.op == "invalid" else "bold")
    return Text.assemble((f"{change.op:<9}", style), f" {shown_pointer(change)}  ", (told(change), "dim"))


class _Record:
    """A document as lines, each value with its state."""

    def __init__(self, document: Document, width: int) -> None:
        self._document, self._width = document, width
        self._open, self._invalid = frozenset(document.open), frozenset(document.invalid)

    def lines(self, awaited: Sequence[str]) -> Iterator[Text]:
        """What there is, then the fields of the root that have not come."""
        value = self._document.value
        named = cast("dict[str, object]", value) if isinstance(value, dict) else {}
        if value is not None and not isinstance(value, (dict, list)):
            yield self._line((), value)
        yield from self._inside((), self._document.value)
        if self._document.end is None:
            for name in awaited:
                if name not in named:
                    yield Text(f"· {name}", style="dim")

    def _inside(self, path: Path, value: object) -> Iterator[Text]:
        if not isinstance(value, (dict, list)):
            return
        container = cast("dict[str, object] | list[object]", value)
        for key, child in container.items() if isinstance(container, dict) else enumerate(container):
            at = (*path, key)
            yield self._line(at, child)
            yield from self._inside(at, child)

    def _line(self, path: Path, value: object) -> Text:
        state = "invalid" if path in self._invalid else "open" if path in self._open else "complete"
        mark, style = _MARKS[state]
        line = Text.assemble("  " * (len(path) - 1), (mark, style), " ", (_label(path), "bold"))
        if isinstance(value, (dict, list)):
            return line
        if state == "open" and isinstance(value, str):
            return line.append(_tail(value, self._width - len(line) - 1) + "▌", style)
        return line.append(printable(json.dumps(value, ensure_ascii=False)), "" if state == "complete" else style)


def _label(path: Path) -> str:
    if not path:
        return ""
    key = path[-1]
    # Wide enough for most names, so that the values beside them line up.
    return f"[{key}]  " if isinstance(key, int) else f"{printable(key, 100):<8}  "


def _tail(text: str, room: int) -> str:
    """The end of a text, where it grows, on one line."""
    shown = (
        printable(text[-max(room, 1) :].replace("\n", "⏎")) if len(text) > room else printable(text.replace("\n", "⏎"))
    )
    return shown if len(shown) <= room else "…" + shown[len(shown) - max(room - 1, 0) :]

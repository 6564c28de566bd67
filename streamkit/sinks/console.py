"""console: the record filling in, at left; what changed, at right. Plain lines where there is no terminal.

add        /users/0/name  "Jo"
append     /users/0/name  "hn"
complete   /users/0/name  'John'
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import TextIO

from streamkit.sinks.lines import Lines
from streamkit.sinks.sink import Drain, Sink

__all__ = ["console"]


def console(*, file: TextIO | None = None, title: str | None = None, live: bool | None = None) -> Sink:
    """Show a flow of changes while it runs.

    On a terminal, with rich installed (`streamkit[console]`), two panels are drawn anew some thirty times a
    second at most; the last picture stays. Elsewhere each change is a line.

    Args:
        file: where to; by default standard output.
        title: what to call the record; by default the model's name.
        live: draw panels (True) or write lines (False); by default whatever the file can take.

    Raises:
        ModuleNotFoundError: `live=True` without rich.
    """

    def open(model: object) -> Drain:  # noqa: A001 - what it does
        to = file if file is not None else sys.stdout
        if live or (live is None and _can_draw(to)):
            from streamkit.sinks.panels import Panels  # noqa: PLC0415 - rich is optional

            return Panels(to, title, model)
        return Lines(to)

    return Sink(open, "console")


def _can_draw(file: TextIO) -> bool:
    return file.isatty() and os.environ.get("TERM") != "dumb" and find_spec("rich") is not None

"""`share`: a hub of a flow."""

from __future__ import annotations

from typing import TypeVar

from streamkit.changes.change import Change
from streamkit.flow import Source
from streamkit.hub.hub import Hub, Start

__all__ = ["share"]

RootT = TypeVar("RootT")


def share(
    flow: Source[Change[RootT]], *, start: Start = "lazy", retain: int | None = 1024, grace: float = 0.0
) -> Hub[RootT]:
    """Let many subscribers follow one flow of changes, which runs once.

    Args:
        flow: changes that add up to a document: `chunks | extract(Model)`, a run of the client, another hub.
        start: when the source runs. `"lazy"`: from the first subscription on. `"eager"`: when the hub is entered.
            `"subscribed"`: as lazy, and it stops when the last subscriber has left. In each case it runs once.
        retain: least number of changes to keep, for subscribers that fall behind or come back; a `snapshot` replaces
            older ones. None keeps all.
        grace: for `"subscribed"`: seconds to wait for another subscriber before the source is stopped.

    Raises:
        TypeError: `flow` is no source.
        ValueError: an argument has no meaning.
    """
    if start not in ("lazy", "eager", "subscribed"):
        raise ValueError(f"no start {start!r}: lazy, eager or subscribed")
    if retain is not None and (isinstance(retain, bool) or not isinstance(retain, int)):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise TypeError(f"retain is a number of changes or None, got {retain!r:.80}")
    if isinstance(grace, bool) or not isinstance(grace, (int, float)):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise TypeError(f"grace is a number of seconds, got {grace!r:.80}")
    if (retain is not None and retain < 0) or not grace >= 0:
        raise ValueError(f"retain={retain} and grace={grace} cannot be negative, or NaN")
    return Hub(flow, start, retain, grace)

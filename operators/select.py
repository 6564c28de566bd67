"""select: only the changes of some paths.

select("/users/*/name")
in    add "", add /users, add /users/0, add /users/0/name "Jo", add /users/0/age 25, ... end
out                                     add /users/0/name "Jo",                      ... end
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streamkit.changes.change import Change
from streamkit.changes.endings import no_change
from streamkit.flow import Reason, Through
from streamkit.schema.patterns import checking_planner, matcher

__all__ = ["select"]

_ALWAYS = ("reset", "snapshot", "end")


def select(*patterns: str) -> Through:
    """Pass on the changes whose path fits one of the patterns, and always `reset`, `snapshot` and `end`.

    Paths stay as they are, so what comes out does not fold into a document of its own.

    Args:
        patterns: JSON Pointers in which `*` stands for any one step and a last `**` for any number.

    Raises:
        ValueError: no pattern, or one that can never match the model of the stage before.
    """
    if not patterns:
        raise ValueError("select() needs a pattern, such as '/users/*/name'")
    fits = matcher(patterns)

    def keep(change: Change[object]) -> bool:
        return change.op in _ALWAYS or fits(change)

    return Through(lambda: _Select(keep), f"select({', '.join(map(repr, patterns))})", plan=checking_planner(patterns))


class _Select:
    def __init__(self, keep: Callable[[Change[object]], bool]) -> None:
        self._keep = keep

    def feed(self, change: Change[object], /) -> Sequence[Change[object]]:
        if not isinstance(change, Change):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise no_change("select()", change)
        return (change,) if self._keep(change) else ()

    def close(self, reason: Reason, /) -> Sequence[Change[object]]:
        return ()

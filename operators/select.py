"""select: emit only the changes at some paths.

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
    """Emit the changes whose path matches one of the patterns, and always `reset`, `snapshot` and `end`.

    Paths are not changed, so the output does not fold into a document of its own.

    Args:
        patterns: JSON Pointers in which `*` matches any one step, and a final `**` any number of steps.

    Raises:
        ValueError: there is no pattern, or one can never match the model of the stage before.
    """
    if not patterns:
        raise ValueError("select() needs a pattern, such as '/users/*/name'")
    path_matches = matcher(patterns)

    def keep(change: Change[object]) -> bool:
        return change.op in _ALWAYS or path_matches(change)

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

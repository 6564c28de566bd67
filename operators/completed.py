"""completed: typed values, the moment each is final.

completed("/users/*")
in    ... complete /users/0/name, complete /users/0, add /users/1, ... complete /users/1, ...
out                               User(...)                            User(...)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast, overload

from streamkit.document import Document
from streamkit.ending import missed, no_change
from streamkit.events import Change, End
from streamkit.flow import Reason, Stage
from streamkit.patterns import checking_planner, matcher

__all__ = ["completed"]

T = TypeVar("T")


@overload
def completed(*patterns: str) -> Stage[Change[Any], object]: ...
@overload
def completed(*patterns: str, of: type[T]) -> Stage[Change[Any], T]: ...
def completed(*patterns: str, of: type[Any] = object) -> Stage[Change[Any], Any]:
    """Pass on the values of the `complete` changes whose path fits one of the patterns.

    A stream that was truncated, refused or failed ends with its error, so that it cannot be taken for a
    finished one. A document that is not valid only lacks its wrong values.

    Args:
        patterns: as for `select`; without one, every value.
        of: a class; only its instances pass, and type checkers know it.

    Raises:
        ValueError: a pattern that can never match the model of the stage before.
    """
    matches = matcher(patterns or ("/**",))

    def fits(change: Change[object]) -> bool:
        return isinstance(change.value, of) and matches(change)

    name = f"completed({', '.join(map(repr, patterns))})"
    return Stage(lambda: _Completed(fits, matches), name, emits_changes=False, plan=checking_planner(patterns))


class _Completed:
    def __init__(self, fits: Callable[[Change[object]], bool], fits_path: Callable[[Change[object]], bool]) -> None:
        self.error: Exception | None = None
        self.finished = False
        self._fits, self._fits_path = fits, fits_path

    def feed(self, change: Change[object], /) -> Sequence[object]:
        if not isinstance(change, Change):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise no_change("completed()", change)
        if change.op == "complete":
            return (change.value,) if self._fits(change) else ()
        if change.op == "end":
            end = cast("End", change.value)
            if end.status not in ("complete", "invalid"):
                self.error = end.error
        elif change.op == "snapshot" and self._hides(cast("Document", change.value)):
            self.error, self.finished = missed("completed()"), True
        return ()

    def _hides(self, document: Document) -> bool:
        """Whether values that would have been passed on were completed, and are known as JSON alone."""
        closed = (path for path in document.paths() if path and document.state(path) == "complete")
        return any(self._fits_path(Change("complete", path)) for path in closed)

    def close(self, reason: Reason, /) -> Sequence[object]:
        return ()

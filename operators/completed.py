"""completed: typed values, the moment each is final.

completed("/users/*")
in    ... complete /users/0/name, complete /users/0, add /users/1, ... complete /users/1, ...
out                               User(...)                            User(...)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from streamkit.assembly.text_machine import TextMachine
from streamkit.changes.change import Change, End
from streamkit.changes.document import Document
from streamkit.changes.endings import missed, no_change
from streamkit.flow import Reason, Stage
from streamkit.schema.nodes import ANY
from streamkit.schema.patterns import checking_planner, matcher
from streamkit.text.limits import Limits

if TYPE_CHECKING:
    from streamkit.assembly.reading import Wanted
    from streamkit.flow import AnyStage, Planner

__all__ = ["completed"]

T = TypeVar("T")


@overload
def completed(*patterns: str, retain: bool = True) -> Stage[Change[Any], object]: ...
@overload
def completed(*patterns: str, of: type[T], retain: bool = True) -> Stage[Change[Any], T]: ...
def completed(*patterns: str, of: type[Any] = object, retain: bool = True) -> Stage[Change[Any], Any]:
    """Pass on the values of the `complete` changes whose path fits one of the patterns.

    A stream that was truncated, refused or failed ends with its error, so that it cannot be taken for a
    finished one. A document that is not valid only lacks its wrong values.

    Args:
        patterns: as for `select`; without one, every value.
        of: a class; only its instances pass, and type checkers know it.
        retain: keep what was read, for the values around it. False, directly behind `accumulate()`: a value is
            let go once it was passed on, so that a document of any length takes no more memory than its largest
            value that fits (and a name for each member of an object). `partial` of an error lacks what is gone.

    Raises:
        TypeError: `of` is no class.
        ValueError: a pattern that can never match the model of the stage before; or `retain=False` behind a
            stage that is not `accumulate()`.
    """
    if not isinstance(of, type):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise TypeError(f"completed(of=...) takes a class, such as list, got {of!r:.80}")
    matches = matcher(patterns or ("/**",))

    def fits(change: Change[object]) -> bool:
        return isinstance(change.value, of) and matches(change)

    name = f"completed({', '.join(map(repr, patterns))})"
    plan = checking_planner(patterns)
    if not retain:
        plan = _letting_go(plan, lambda path: matches(Change("complete", path)))
    return Stage(lambda: _Completed(fits, matches), name, emits_changes=False, plan=plan)


def _letting_go(plan: Planner, wanted: Wanted) -> Planner:
    """A planner that has the stage before keep only what is wanted of it."""

    def planned(before: Sequence[AnyStage], me: AnyStage) -> Sequence[AnyStage]:
        if not before:  # changes that come from elsewhere
            return plan(before, me)
        reader, limits = before[-1], before[-1].reads
        if not isinstance(limits, Limits) or reader.model is not None:
            raise ValueError(
                f"{me.name} with retain=False stands directly behind accumulate(), which then keeps no more than it "
                f"must; here it is behind {reader.name}"
            )
        frugal = Stage(lambda: TextMachine(ANY, limits, wanted=wanted), reader.name, emits_changes=True)
        return plan([*before[:-1], frugal], me)

    return planned


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

"""completed: emit typed values, each as soon as it is final.

completed("/users/*")
in    ... complete /users/0/name, complete /users/0, add /users/1, ... complete /users/1, ...
out                               User(...)                            User(...)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from streamkit.assembly.text_machine import reader_before
from streamkit.changes.change import Change, End
from streamkit.changes.document import Document
from streamkit.changes.endings import missed, no_change
from streamkit.flow import Reason, Stage
from streamkit.schema.patterns import checking_planner, matcher

if TYPE_CHECKING:
    from streamkit.assembly.state import Wanted
    from streamkit.flow import AnyStage, Planner

__all__ = ["completed"]

T = TypeVar("T")


@overload
def completed(*patterns: str, retain: bool = True) -> Stage[Change[Any], object]: ...
@overload
def completed(*patterns: str, of: type[T], retain: bool = True) -> Stage[Change[Any], T]: ...
def completed(*patterns: str, of: type[Any] = object, retain: bool = True) -> Stage[Change[Any], Any]:
    """Emit the values of the `complete` changes whose path matches one of the patterns.

    A stream that was truncated, refused or failed ends with its error, so it cannot be mistaken for a finished one.
    A document with invalid values only lacks those values.

    Args:
        patterns: as for `select`; without one, every value.
        of: a class: only its instances are emitted, and type checkers know it.
        retain: keep what was read, to build the values around it. With False, directly after `accumulate()`, a value is
            discarded once it was emitted. A document of any length then needs no more memory than its largest matching
            value (and a name for each member of an object). The `partial` of an error lacks discarded values.

    Raises:
        TypeError: `of` is not a class.
        ValueError: a pattern can never match the model of the stage before; or `retain=False` after a stage that is
            not `accumulate()`.
    """
    if not isinstance(of, type):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise TypeError(f"completed(of=...) takes a class, such as list, got {of!r:.80}")
    path_matches = matcher(patterns or ("/**",))

    def matches(change: Change[object]) -> bool:
        return isinstance(change.value, of) and path_matches(change)

    name = f"completed({', '.join(map(repr, patterns))})"
    plan = checking_planner(patterns)
    if not retain:
        plan = _discarding_planner(plan, lambda path: path_matches(Change("complete", path)))
    return Stage(lambda: _Completed(matches, path_matches), name, emits_changes=False, plan=plan)


def _discarding_planner(plan: Planner, wanted: Wanted) -> Planner:
    """Return a planner that makes the stage before keep only the wanted values."""

    def plan_discarding(before: Sequence[AnyStage], this: AnyStage) -> Sequence[AnyStage]:
        if not before:  # a source of changes
            return plan(before, this)
        reader = reader_before(before)
        if reader is None or reader.typed:
            raise ValueError(
                f"{this.name} with retain=False is after {before[-1].name}: put it directly after accumulate(), which "
                "then keeps only the values that it needs"
            )
        return plan([*before[:-1], replace(reader, wanted=wanted).stage()], this)

    return plan_discarding


class _Completed:
    def __init__(
        self, matches: Callable[[Change[object]], bool], path_matches: Callable[[Change[object]], bool]
    ) -> None:
        self.error: Exception | None = None
        self.finished = False
        self._matches, self._path_matches = matches, path_matches

    def feed(self, change: Change[object], /) -> Sequence[object]:
        if not isinstance(change, Change):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise no_change("completed()", change)
        if change.op == "complete":
            return (change.value,) if self._matches(change) else ()
        if change.op == "end":
            end = cast("End", change.value)
            if end.status not in ("complete", "invalid"):
                self.error = end.error
        elif change.op == "snapshot" and self._lacks_values(cast("Document", change.value)):
            self.error, self.finished = missed("completed()"), True
        return ()

    def _lacks_values(self, document: Document) -> bool:
        """Whether matching values were completed before this snapshot: it has only their JSON."""
        completed_paths = (path for path in document.paths() if path and document.state(path) == "complete")
        return any(self._path_matches(Change("complete", path)) for path in completed_paths)

    def close(self, reason: Reason, /) -> Sequence[object]:
        return ()

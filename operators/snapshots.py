"""snapshots: fold changes -> emit the model as it is so far, each time something changed.

in    add "", add /name "Jo"       append /name "hn"          add /age 25, complete ""
out   User(name="Jo", age=None)    User(name="John", ...)     User(name="John", age=25)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast, overload

from streamkit.assembly.text_machine import reader_before
from streamkit.changes.change import Change, End
from streamkit.changes.endings import missed, no_beginning, no_change
from streamkit.errors import StreamkitError
from streamkit.flow import AnyStage, Planner, Reason, Stage, ToRoot
from streamkit.partial.typed_fold import TypedFold
from streamkit.schema.compile import compile_type

__all__ = ["snapshots"]

ModelT = TypeVar("ModelT")


@overload
def snapshots() -> ToRoot: ...
@overload
def snapshots(model: type[ModelT]) -> Stage[Change[Any], ModelT]: ...
def snapshots(model: type[ModelT] | None = None) -> Stage[Change[Any], ModelT]:
    """Fold typed changes into `Partial[Model]` instances; the last one is the model itself.

    It emits at most one snapshot per chunk: only if the chunk changed something visible. Parts that did not change
    are the same objects in the next snapshot. A field that has not arrived shows its plain default, or None;
    `model_fields_set` has the fields that arrived. An invalid value shows None. A stream that does not end `complete`
    raises its error after the last snapshot, which the error then carries as `.partial`.

    Args:
        model: the type; by default the one that the stage before validates.

    Raises:
        TypeError: no model is given, and no stage before has one.
    """

    def plan(before: Sequence[AnyStage], this: AnyStage) -> Sequence[AnyStage]:
        known = next((stage.model for stage in reversed(before) if stage.model is not None), None)
        reader = reader_before(before)
        if known is None and reader is not None and not reader.typed:
            raise TypeError(
                f"snapshots() takes typed changes, and {reader.name} has no model: put it after validate(Model) or "
                "extract(Model)"
            )
        if model is None and known is not None:
            return (*before, _stage(known, None))
        return (*before, this)

    return _stage(model, plan)


def _stage(model: object, plan: Planner | None) -> ToRoot:
    return ToRoot(lambda: _Snapshots(model), "snapshots", emits_changes=False, plan=plan)


class _Snapshots:
    def __init__(self, model: object) -> None:
        if model is None:
            raise TypeError("snapshots() needs a model: give it one, or put it after validate(Model) or extract(Model)")
        self.error: Exception | None = None
        self.finished = False
        self._fold = TypedFold(compile_type(model))
        self._started = False
        self._end: End | None = None

    def feed(self, change: Change[object], /) -> Sequence[object]:
        return self.feed_batch((change,))

    def feed_batch(self, batch: Sequence[Change[object]]) -> Sequence[object]:
        fold = self._fold
        for change in batch:
            if not isinstance(change, Change):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
                raise no_change("snapshots()", change)
            if change.op == "end":
                self._end = cast("End", change.value)
            elif change.op == "snapshot":
                return self._stop(missed("snapshots()"))
            elif change.path and not self._started:
                return self._stop(no_beginning("snapshots()", change.path))
            else:
                self._started = True
                fold.apply(change)
        out = (fold.snapshot(),) if fold.changed else ()
        if self._end is not None and self._end.status != "complete":
            self.error = self._end.error
            if isinstance(self.error, StreamkitError):
                self.error.partial = fold.snapshot()
        return out

    def _stop(self, error: StreamkitError) -> Sequence[object]:
        self.error, self.finished = error, True
        return ()

    def close(self, reason: Reason, /) -> Sequence[object]:
        return ()

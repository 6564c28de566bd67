"""`Fused`: the machines of consecutive stages, run as one.

One call per chunk, however long the pipeline: the outputs of a machine are handed to the next as one
list, so there is no `await` and no generator between stages, and the events of one chunk stay together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, cast

from streamkit.changes.change import Change, End, Finish, Path, is_verdict
from streamkit.flow.machine import Machine, Reason
from streamkit.flow.open_paths import OpenPaths

__all__ = ["Fused", "Part"]


class Part(Protocol):
    """What `Fused` needs to know of a stage."""

    @property
    def name(self) -> str: ...

    @property
    def emits_changes(self) -> bool | None: ...

    @property
    def make_machine(self) -> Callable[[], Machine[object, object]]: ...


_Step: TypeAlias = Callable[[Any], Sequence[object]]


class _Finishing(Protocol):
    finished: bool


class Fused:
    """One run of some stages: `feed` for each item of the source, `close` when it ends.

    Args:
        parts: the stages.
        of_changes: changes come in, for certain.

    Attributes:
        done: nothing more is wanted from the source.
        error: what the consumer is to be told after the last item; the error itself if a stage broke.
    """

    __slots__ = ("_batch_steps", "_item_steps", "_machines", "_parts", "_told", "_unseen", "_watched", "done", "error")

    def __init__(self, parts: Sequence[Part], *, of_changes: bool = False) -> None:
        self.done = False
        self.error: BaseException | None = None
        self._parts = parts
        # Stages that make changes know themselves what they told.
        passes = all(part.emits_changes is None for part in parts)
        self._told = OpenPaths(of_changes=of_changes) if passes else None
        self._machines = [_made(parts, at) for at in range(len(parts))]
        self._watched = [cast("_Finishing", machine) for machine in self._machines if hasattr(machine, "finished")]
        self._unseen = {*range(len(parts))}  # machines that have returned nothing yet
        self._batch_steps = [_step(machine) for machine in self._machines] or [_all]
        self._item_steps = [self._machines[0].feed if self._machines else _alone, *self._batch_steps[1:]]

    def item_feeder(self) -> Callable[[object], Sequence[object]]:
        """Return what puts one item through all machines."""
        return self._feeder(self._item_steps)

    def batch_feeder(self) -> Callable[[Sequence[object]], Sequence[object]]:
        """Return what puts items that belong together through all machines."""
        return self._feeder(self._batch_steps)

    def feed_batch(self, batch: Sequence[object]) -> Sequence[object]:
        """Put items that belong together through all machines."""
        return self.batch_feeder()(batch)

    def _feeder(self, steps: Sequence[_Step]) -> Callable[[Any], Sequence[object]]:
        """What puts things through the steps, first to last: called for every chunk, so all it needs is at hand.

        It is not kept here: a circle would outlive the run until the next garbage collection.
        """
        first, unseen, watched = steps[0], self._unseen, self._watched
        looking = [self._looking(at, step) for at, step in enumerate(steps)]
        if len(steps) == 1:
            return self._noting(self._only(first, looking[0]))

        def feed(batch: Any) -> Any:
            row = looking if unseen else steps
            step = first
            try:
                for step in row:
                    batch = step(batch)
                    if not batch:
                        break
            except Exception as error:  # whatever a stage raises ends the run
                return self._broke(row.index(step), error, batch)
            for machine in watched:
                if machine.finished:
                    return self._finish(machine, batch)
            return batch

        return self._noting(feed)

    def _noting(self, feed: _Step) -> _Step:
        """The same, keeping in mind what was told, where no stage does."""
        return feed if self._told is None else lambda batch: self._ended(feed(batch))

    def _ended(self, batch: Sequence[object]) -> Sequence[object]:
        """What is handed on, and the `end` if a stage failed behind changes that have none."""
        if self._told is None:
            return batch
        self._told.take(batch)
        return batch if self.error is None else [*batch, *self._told.end(self.error)]

    def _only(self, step: _Step, looking: _Step) -> Callable[[Any], Sequence[object]]:
        """The same for a single step, which by far the most pipelines have: theirs is one machine."""
        unseen, machine = self._unseen, next(iter(self._watched), None)

        def feed(batch: Any) -> Any:
            try:
                made = looking(batch) if unseen else step(batch)
            except Exception as error:  # as above
                return self._broke(0, error, ())
            if machine is not None and machine.finished:
                return self._finish(machine, made)
            return made

        return feed

    def _looking(self, at: int, step: _Step) -> _Step:
        """The same step; what it returns is checked until there is something in it, after that it is trusted."""

        def looked(batch: Any) -> Sequence[object]:
            made = step(batch)
            if at in self._unseen:
                _check(self._machines[at], made)
                if made:
                    self._unseen.discard(at)
            return made

        return looked

    def _finish(self, machine: _Finishing, batch: Sequence[object]) -> Sequence[object]:
        """A machine wants no more: close those after it."""
        at = next(at for at, each in enumerate(cast("list[object]", self._machines)) if each is machine)
        self.done = True
        return [*batch, *self._close(at + 1, Finish())]

    def close(self, reason: Reason) -> Sequence[object]:
        """Tell all machines, first to last, that no more comes; nothing to tell once `done`."""
        if isinstance(reason, Exception) and self.error is None:
            _note(reason, f"raised by the source of {' | '.join(part.name for part in self._parts) or 'a flow'}")
            self.error = reason
        if self.done:
            return ()
        self.done = True
        return self._ended(self._close(0, reason))

    def _close(self, start: int, reason: Reason, batch: Sequence[object] = ()) -> Sequence[object]:
        """Close the machines from `start` on; each is first fed what those before it had kept back."""
        for at in range(start, len(self._machines)):
            machine = self._machines[at]
            try:
                fed = _step(machine)(batch) if batch else ()
                batch = [*fed, *_rest(machine, reason)]
            except Exception as error:  # as in a feeder
                return self._broke(at, error, ())
            if self._parts[at].emits_changes is False:
                # It keeps the `end` to itself, and raises instead: those behind it are told.
                reason = getattr(machine, "error", None) or reason
        if self.error is None:
            self.error = next((e for e in (getattr(m, "error", None) for m in self._machines) if e is not None), None)
        return batch

    def _broke(self, at: int, error: Exception, fed: Sequence[object]) -> Sequence[object]:
        """A stage raised when it was fed this."""
        if isinstance(error, _BrokeError):
            return self._break(at, error.error, error.before, error.rest)
        return self._break(at, error, (), fed if at else ())

    def _break(self, at: int, error: Exception, before: Sequence[object], rest: Sequence[object]) -> Sequence[object]:
        """A stage raised: pass on what it had made, an honest `end`, and close those after it."""
        _name(error, self._parts, at)
        self.done, self.error = True, error
        open_paths = _untold(self._close_before(at, error), rest)
        if self._emits_changes(at):
            before = [*before, Change("end", (), End("failed", open_paths, error))]
        return self._close(at + 1, error, before)

    def _close_before(self, at: int, error: Exception) -> tuple[Path, ...]:
        """Close the machines before one that raised; return the paths that they say are open."""
        open_paths: tuple[Path, ...] = ()
        for machine in self._machines[:at]:
            for made in _rest(machine, error):
                if isinstance(made, Change) and isinstance(made.value, End):
                    open_paths = made.value.open
        return open_paths

    def _emits_changes(self, at: int) -> bool:
        told = [part.emits_changes for part in self._parts[: at + 1] if part.emits_changes is not None]
        return bool(told and told[-1])


class _BrokeError(Exception):
    """A machine raised in the middle of a batch."""

    def __init__(self, error: Exception, before: list[object], rest: Sequence[object]) -> None:
        self.error, self.before, self.rest = error, before, rest


def _untold(open_paths: tuple[Path, ...], rest: Sequence[object]) -> tuple[Path, ...]:
    """What is open for those who were not told the rest of a batch: its changes, undone."""
    paths = dict.fromkeys(open_paths)
    for change in reversed(rest):
        if isinstance(change, Change) and is_verdict(cast("Change", change)):
            paths[change.path] = None
        elif isinstance(change, Change) and change.op in ("add", "replace"):
            paths.pop(change.path, None)
    return tuple(sorted(paths, key=len))


def _made(parts: Sequence[Part], at: int) -> Machine[object, object]:
    try:
        machine = parts[at].make_machine()
        if not hasattr(machine, "feed") or not hasattr(machine, "close"):
            raise TypeError(f"a machine has feed(item) and close(reason), got {machine!r:.80}")
    except Exception as error:
        _name(error, parts, at)
        raise
    return machine


def _rest(machine: Machine[object, object], reason: Reason) -> Sequence[object]:
    rest = cast("Sequence[object] | None", machine.close(reason))
    if rest is None:
        raise TypeError(f"{type(machine).__name__}.close() returned None: it returns what was kept back, () if nothing")
    return rest


def _alone(item: object) -> Sequence[object]:
    return (item,)


def _all(batch: Sequence[object]) -> Sequence[object]:
    return batch


def _check(machine: Machine[object, object], made: object) -> None:
    if (error := _no_list(machine, made)) is not None:
        raise error


def _no_list(machine: Machine[object, object], made: object) -> TypeError | None:
    """What to say of what is no list: an item itself, perhaps, for a `Change` or a `str` has items, too."""
    if made.__class__ is list or made.__class__ is tuple:
        return None
    if isinstance(made, Sequence) and not isinstance(made, (str, bytes, Change)):
        return None
    told = f"{type(machine).__name__}.feed() returned {made!r:.80}"
    return TypeError(f"{told}: it returns a list of what follows, [] if nothing")


def _step(machine: Machine[object, object]) -> _Step:
    """How a machine takes a batch: in one call if it can, else item by item."""
    whole = getattr(machine, "feed_batch", None)
    if whole is not None:
        return cast("_Step", whole)
    feed = machine.feed
    ends = cast("_Finishing", machine) if hasattr(machine, "finished") else None

    def each(batch: Sequence[object]) -> Sequence[object]:
        if len(batch) == 1:
            return feed(batch[0])
        out: list[object] = []
        made: Sequence[object] = ()
        at = 0
        try:
            for at, item in enumerate(batch):  # noqa: B007  # read when feed raises
                made = feed(item)
                out += made
                if ends is not None and ends.finished:
                    break
            _check(machine, made)
        except Exception as error:
            raise _BrokeError(_no_list(machine, made) or error, out, batch[at:]) from error
        return out

    return each


def _name(error: Exception, parts: Sequence[Part], at: int) -> None:
    whole = " | ".join(part.name for part in parts)
    _note(error, f"raised in stage {parts[at].name}, of {whole}")


def _note(error: BaseException, note: str) -> None:
    """Once: all who follow a hub are given the same error."""
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)

"""`Fused`: the machines of consecutive stages, run as one.

A chunk costs one call, however long the pipeline is: the outputs of a machine go to the next one as one list. So there
is no `await` and no generator between stages, and the changes of one chunk stay together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, cast

from streamkit.changes.change import Change, End, Finish, Path, is_verdict
from streamkit.flow.machine import Machine, Reason
from streamkit.flow.open_paths import OpenPaths

__all__ = ["Fused", "Part"]


class Part(Protocol):
    """The parts of a stage that `Fused` uses."""

    @property
    def name(self) -> str: ...

    @property
    def emits_changes(self) -> bool | None: ...

    @property
    def make_machine(self) -> Callable[[], Machine[object, object]]: ...


_Feed: TypeAlias = Callable[[Any], Sequence[object]]


class _Finishing(Protocol):
    finished: bool


class Fused:
    """One run of some stages: feed the items of the source, then `close`.

    Args:
        parts: the stages.
        of_changes: whether the input is known to be changes.

    Attributes:
        done: no more input is needed.
        error: raise this after the last outputs. If a stage raised, it is that error.
    """

    __slots__ = (
        "_batch_feeds",
        "_finishing",
        "_item_feeds",
        "_machines",
        "_open_paths",
        "_parts",
        "_unchecked",
        "done",
        "error",
    )

    def __init__(self, parts: Sequence[Part], *, of_changes: bool = False) -> None:
        self.done = False
        self.error: BaseException | None = None
        self._parts = parts
        # A stage that makes changes knows which paths are open. If no stage does, follow what is emitted.
        only_passes = all(part.emits_changes is None for part in parts)
        self._open_paths = OpenPaths(of_changes=of_changes) if only_passes else None
        self._machines = [_make_machine(parts, index) for index in range(len(parts))]
        self._finishing = [cast("_Finishing", machine) for machine in self._machines if hasattr(machine, "finished")]
        self._unchecked = {*range(len(parts))}  # machines that have returned no output yet
        self._batch_feeds = [_batch_feed(machine) for machine in self._machines] or [_same_batch]
        self._item_feeds = [self._machines[0].feed if self._machines else _one_item, *self._batch_feeds[1:]]

    def item_feeder(self) -> Callable[[object], Sequence[object]]:
        """Return a function that feeds one item through all machines."""
        return self._feeder(self._item_feeds)

    def batch_feeder(self) -> Callable[[Sequence[object]], Sequence[object]]:
        """Return a function that feeds one batch through all machines."""
        return self._feeder(self._batch_feeds)

    def feed_batch(self, batch: Sequence[object]) -> Sequence[object]:
        """Feed one batch through all machines."""
        return self.batch_feeder()(batch)

    def _feeder(self, feeds: Sequence[_Feed]) -> Callable[[Any], Sequence[object]]:
        """Return a function that feeds through some functions, first to last.

        It is called for every chunk, so it has everything it needs in local variables. It is not stored here: the
        reference cycle would keep the run alive until the next garbage collection.
        """
        first, unchecked, finishing = feeds[0], self._unchecked, self._finishing
        checked_feeds = [self._checked(index, feed) for index, feed in enumerate(feeds)]
        if len(feeds) == 1:
            return self._with_open_paths(self._single_feeder(first, checked_feeds[0]))

        def feed_all(batch: Any) -> Any:
            row = checked_feeds if unchecked else feeds
            feed = first
            try:
                for feed in row:
                    batch = feed(batch)
                    if not batch:
                        break
            except Exception as error:  # whatever a stage raises ends the run
                return self._fail(row.index(feed), error, batch)
            for machine in finishing:
                if machine.finished:
                    return self._finish(machine, batch)
            return batch

        return self._with_open_paths(feed_all)

    def _single_feeder(self, feed: _Feed, checked_feed: _Feed) -> Callable[[Any], Sequence[object]]:
        """`_feeder` for one machine: most pipelines run as one."""
        unchecked, machine = self._unchecked, next(iter(self._finishing), None)

        def feed_one(batch: Any) -> Any:
            try:
                out = checked_feed(batch) if unchecked else feed(batch)
            except Exception as error:  # as above
                return self._fail(0, error, ())
            if machine is not None and machine.finished:
                return self._finish(machine, out)
            return out

        return feed_one

    def _with_open_paths(self, feed: _Feed) -> _Feed:
        """Follow the outputs of a feeder, if no stage knows which paths are open."""
        return feed if self._open_paths is None else lambda batch: self._with_end(feed(batch))

    def _with_end(self, batch: Sequence[object]) -> Sequence[object]:
        """Follow the outputs; add the `end` if a stage failed."""
        if self._open_paths is None:
            return batch
        self._open_paths.follow(batch)
        return batch if self.error is None else [*batch, *self._open_paths.end(self.error)]

    def _checked(self, index: int, feed: _Feed) -> _Feed:
        """Wrap a machine's feed: check the type of what it returns, until it has returned some output once."""

        def checked_feed(batch: Any) -> Sequence[object]:
            out = feed(batch)
            if index in self._unchecked:
                _check(self._machines[index], out)
                if out:
                    self._unchecked.discard(index)
            return out

        return checked_feed

    def _finish(self, machine: _Finishing, batch: Sequence[object]) -> Sequence[object]:
        """End the run because a machine needs no more input: close the machines after it."""
        machines = cast("list[object]", self._machines)
        index = next(index for index, each in enumerate(machines) if each is machine)
        self.done = True
        return [*batch, *self._close(index + 1, Finish())]

    def close(self, reason: Reason) -> Sequence[object]:
        """End the input: close all machines, first to last, and return their last outputs. None if `done`."""
        if isinstance(reason, Exception) and self.error is None:
            _add_note(reason, f"raised by the source of {' | '.join(part.name for part in self._parts) or 'a flow'}")
            self.error = reason
        if self.done:
            return ()
        self.done = True
        return self._with_end(self._close(0, reason))

    def _close(self, start: int, reason: Reason, batch: Sequence[object] = ()) -> Sequence[object]:
        """Close the machines from `start` on; each is first fed the last outputs of those before it."""
        for index in range(start, len(self._machines)):
            machine = self._machines[index]
            try:
                out = _batch_feed(machine)(batch) if batch else ()
                batch = [*out, *_close_machine(machine, reason)]
            except Exception as error:  # as in a feeder
                return self._fail(index, error, ())
            if self._parts[index].emits_changes is False:
                # It does not pass on the `end`, but sets `error`: the machines after it get that as the reason.
                reason = getattr(machine, "error", None) or reason
            said = getattr(machine, "said", "")
            if said and isinstance(reason, Finish):
                reason = reason._replace(said=said)  # text that the machine dropped, for the error of an empty answer
        if self.error is None:
            self.error = next((e for e in (getattr(m, "error", None) for m in self._machines) if e is not None), None)
        return batch

    def _fail(self, index: int, error: Exception, batch: Sequence[object]) -> Sequence[object]:
        """End the run because a machine raised when it was fed this batch."""
        if isinstance(error, _MidBatchError):
            return self._end_at(index, error.error, error.out, error.rest)
        return self._end_at(index, error, (), batch if index else ())

    def _end_at(self, index: int, error: Exception, out: Sequence[object], rest: Sequence[object]) -> Sequence[object]:
        """End the run at a machine that raised: pass on its outputs, add an `end`, close the machines after it.

        Args:
            index: which machine raised.
            error: its error.
            out: what it returned for the items before.
            rest: the items that it has not read.
        """
        _name_stage(error, self._parts, index)
        self.done, self.error = True, error
        open_paths = _undo(rest, self._close_before(index, error))
        if self._emits_changes(index):
            out = [*out, Change("end", (), End("failed", open_paths, error))]
        return self._close(index + 1, error, out)

    def _close_before(self, index: int, error: Exception) -> tuple[Path, ...]:
        """Close the machines before one that raised; return the paths that their `end` lists as open."""
        open_paths: tuple[Path, ...] = ()
        for machine in self._machines[:index]:
            for item in _close_machine(machine, error):
                if isinstance(item, Change) and isinstance(item.value, End):
                    open_paths = item.value.open
        return open_paths

    def _emits_changes(self, index: int) -> bool:
        known = [part.emits_changes for part in self._parts[: index + 1] if part.emits_changes is not None]
        return bool(known and known[-1])


class _MidBatchError(Exception):
    """A machine raised in the middle of a batch."""

    def __init__(self, error: Exception, out: list[object], rest: Sequence[object]) -> None:
        self.error, self.out, self.rest = error, out, rest


def _undo(rest: Sequence[object], open_paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the open paths before some changes: those that the consumer did not get."""
    paths = dict.fromkeys(open_paths)
    for change in reversed(rest):
        if isinstance(change, Change) and is_verdict(cast("Change", change)):
            paths[change.path] = None
        elif isinstance(change, Change) and change.op in ("add", "replace"):
            paths.pop(change.path, None)
    return tuple(sorted(paths, key=len))


def _make_machine(parts: Sequence[Part], index: int) -> Machine[object, object]:
    try:
        machine = parts[index].make_machine()
        if not hasattr(machine, "feed") or not hasattr(machine, "close"):
            raise TypeError(f"a machine needs feed(item) and close(reason), got {machine!r:.80}")
    except Exception as error:
        _name_stage(error, parts, index)
        raise
    return machine


def _close_machine(machine: Machine[object, object], reason: Reason) -> Sequence[object]:
    out = cast("Sequence[object] | None", machine.close(reason))
    if out is None:
        raise TypeError(f"{type(machine).__name__}.close() returned None: return the last outputs, () if nothing")
    return out


def _batch_feed(machine: Machine[object, object]) -> _Feed:
    """Return a function that feeds a batch to a machine: in one call if the machine can, else item by item."""
    feed_batch = getattr(machine, "feed_batch", None)
    if feed_batch is not None:
        return cast("_Feed", feed_batch)
    feed = machine.feed
    finishing = cast("_Finishing", machine) if hasattr(machine, "finished") else None

    def feed_each(batch: Sequence[object]) -> Sequence[object]:
        if len(batch) == 1:
            return feed(batch[0])
        out: list[object] = []
        returned: Sequence[object] = ()
        index = 0
        try:
            for index, item in enumerate(batch):  # noqa: B007  # read when feed raises
                returned = feed(item)
                out += returned
                if finishing is not None and finishing.finished:
                    break
            _check(machine, returned)
        except Exception as error:
            raise _MidBatchError(_type_error(machine, returned) or error, out, batch[index:]) from error
        return out

    return feed_each


def _one_item(item: object) -> Sequence[object]:
    return (item,)


def _same_batch(batch: Sequence[object]) -> Sequence[object]:
    return batch


def _check(machine: Machine[object, object], returned: object) -> None:
    if (error := _type_error(machine, returned)) is not None:
        raise error


def _type_error(machine: Machine[object, object], returned: object) -> TypeError | None:
    """Return an error if this is not a list; it may be a single item: a `Change` and a `str` are sequences, too."""
    if returned.__class__ is list or returned.__class__ is tuple:
        return None
    if isinstance(returned, Sequence) and not isinstance(returned, (str, bytes, Change)):
        return None
    return TypeError(
        f"{type(machine).__name__}.feed() returned {returned!r:.80}: return a list of outputs, [] if nothing"
    )


def _name_stage(error: Exception, parts: Sequence[Part], index: int) -> None:
    _add_note(error, f"raised in stage {parts[index].name}, of {' | '.join(part.name for part in parts)}")


def _add_note(error: BaseException, note: str) -> None:
    """Add a note once: all subscribers of a hub get the same error."""
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)

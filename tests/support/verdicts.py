"""The verdicts in a stream of changes, for comparing two streams."""

from collections.abc import Iterable

from streamkit.changes.change import Change
from support.recorder import Recorder, always, plain, tidy

__all__ = ["nothing", "verdicts"]


def nothing(change: Change[object]) -> None:
    """For `tap`."""


def verdicts(events: Iterable[Change[object]]) -> list[tuple[object, ...]]:
    """Every verdict, with the document as it stands there."""
    recorder, out = Recorder(always, may_repeat=True), list[tuple[object, ...]]()
    for change in events:
        recorder.take(change)
        if change.op in ("complete", "invalid"):
            out.append((*tidy([change])[0], plain(recorder.value)))
    return out

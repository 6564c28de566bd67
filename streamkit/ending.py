"""How a text ended that did not end well, as the provider tells it."""

from __future__ import annotations

from streamkit.errors import EmptyAnswer, Filtered, Refused, StreamkitError, Truncated
from streamkit.events import Finish, Path, Status, to_pointer

__all__ = ["cut_short", "unfinished"]


def cut_short(finish: Finish) -> bool:
    """Whether the provider says that it did not say all."""
    return finish.refusal is not None or finish.reason in ("length", "content_filter")


def unfinished(finish: Finish, open_paths: tuple[Path, ...], *, started: bool) -> tuple[Status, StreamkitError]:
    """Return the status, and the error to raise, of a text that is not whole."""
    if finish.refusal is not None:
        return "refused", Refused(finish.refusal)
    if finish.reason == "content_filter":
        return "refused", Filtered("the provider's content filter stopped the answer")
    if not started:
        empty = EmptyAnswer(f"the stream ended without any text{_told(finish)}")
        empty.finish_reason = finish.reason
        return "truncated", empty
    path = open_paths[-1] if open_paths else ()
    advice = "; allow it more tokens" if finish.reason == "length" else ""
    error = Truncated(f"the text ended inside {to_pointer(path) or 'the root'}{_told(finish)}{advice}")
    error.path, error.finish_reason = path, finish.reason
    return "truncated", error


def _told(finish: Finish) -> str:
    return f" (finish_reason {finish.reason!r})" if finish.reason else ""

"""How a text ended that did not end well, as the provider tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from streamkit.changes.change import Change, End, Finish, Path, Status
from streamkit.errors import EmptyAnswer, Filtered, Refused, StreamkitError, Truncated, shown_path
from streamkit.untrusted import printable

__all__ = ["cut_short", "hold_failure", "missed", "no_beginning", "no_change", "unfinished"]


GOOD_REASONS = frozenset(
    {
        None,
        "",
        "stop",
        "tool_calls",
        "function_call",
        "tool_use",
        "end_turn",
        "stop_sequence",
        "eos",
        "complete",
        "completed",
    }
)
"""Finish reasons of an answer that is complete, in lower case. Any other may mean that something is missing."""


def cut_short(finish: Finish) -> bool:
    """Whether the answer may lack something: the provider says so, or does not say that it is complete."""
    reason = None if finish.reason is None else finish.reason.lower()
    return not finish.ended or finish.refusal is not None or reason not in GOOD_REASONS


def hold_failure(batch: Sequence[object], kinds: tuple[type[Exception], ...]) -> tuple[Sequence[object], Change | None]:
    """Split off the `end` that tells of an error of some kinds, for who has something else to tell instead."""
    if isinstance(batch[-1], Change):
        last = cast("Change", batch[-1])
        if isinstance(last.value, End) and last.value.status == "failed" and isinstance(last.value.error, kinds):
            return batch[:-1], last
    return batch, None


def missed(who: str) -> StreamkitError:
    """Return what an operator on typed values raises for a snapshot, which has JSON values alone."""
    return StreamkitError(
        f"{who} missed typed values: this subscriber joined late or fell behind, and got a snapshot of JSON values in "
        "their place; share(..., retain=None) keeps all, policy='suspend' waits, and for completed() after=hub.seq "
        "takes what is to come"
    )


def no_beginning(who: str, path: Path) -> StreamkitError:
    """Return what an operator on the whole document raises where it is told of a part first."""
    return StreamkitError(
        f"{who} needs the document from its beginning, and the first change was at '{shown_path(path)}': put it before "
        "select(), and join a hub without after=, which keeps all by share(..., retain=None)"
    )


def no_change(who: str, item: object) -> TypeError:
    """Return what an operator on changes raises for anything else."""
    return TypeError(f"{who} takes changes, got {item!r:.80}: put it right behind extract(Model)")


def unfinished(finish: Finish, open_paths: tuple[Path, ...], *, started: bool) -> tuple[Status, StreamkitError]:
    """Return the status, and the error to raise, of a text that is not whole."""
    if finish.refusal is not None:
        return "refused", Refused(printable(finish.refusal, 2000))
    if finish.reason == "content_filter":
        return "refused", Filtered("the provider's content filter stopped the answer")
    if not started:
        got = f"before any JSON: got {finish.said!r}; ask for JSON alone" if finish.said else "without any text"
        empty = EmptyAnswer(f"the stream ended {got}{_told(finish)}")
        empty.finish_reason = finish.reason
        return "truncated", empty
    if not finish.ended and started and not open_paths:
        return "truncated", Truncated(
            "the stream stopped without a finish reason: the document is complete JSON, but the answer may have been "
            "cut; if this server never sends one, read the text itself with extract()"
        )
    path = open_paths[-1] if open_paths else ()
    advice = "; allow it more tokens" if finish.reason == "length" else ""
    error = Truncated(f"the text ended inside {shown_path(path) or 'the root'}{_told(finish)}{advice}")
    error.path, error.finish_reason = path, finish.reason
    return "truncated", error


def _told(finish: Finish) -> str:
    return f" (finish_reason {finish.reason!r:.80})" if finish.reason else ""

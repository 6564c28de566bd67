"""What no document of an answer can tell of: that there is none, or that there may have been more."""

from __future__ import annotations

from collections.abc import Sequence

from streamkit.changes.change import Finish
from streamkit.changes.endings import cut_short, unfinished
from streamkit.errors import EmptyAnswer, StreamkitError, Truncated

__all__ = ["cut_between", "no_word", "nothing", "too_few_calls", "too_few_choices"]

_SHOWN = 200


def no_word() -> Truncated:
    """The stream just ended."""
    return Truncated("the stream ended without a word that it did: there may have been more calls")


def nothing(finish: Finish, words: str, did: str) -> StreamkitError:
    """There is no document.

    Args:
        finish: why the provider says it stopped.
        words: what the model said instead.
        did: what it did not do: `"called"`, `"answered"`.
    """
    status, error = unfinished(finish, (), started=False)
    if status == "refused":
        return error
    reason = f" (finish_reason {finish.reason!r})" if cut_short(finish) else ""
    empty = EmptyAnswer(f"the model {did} nothing{reason}{f'; it said {words[:_SHOWN]!r}' if words else ''}")
    empty.finish_reason = finish.reason
    return empty


def cut_between(finish: Finish) -> StreamkitError | None:
    """All calls are whole, but the answer is not; None if the provider says that it said all."""
    if not cut_short(finish):
        return None
    status, error = unfinished(finish, (), started=True)
    if status == "refused":
        return error
    cut = Truncated(
        f"the answer was cut after a call (finish_reason {finish.reason!r}): there may have been more calls; "
        "allow it more tokens"
    )
    cut.finish_reason = finish.reason
    return cut


def too_few_calls(told: int, came: int) -> Truncated | None:
    """There are fewer calls than were asked for again."""
    if came >= told:
        return None
    return Truncated(f"{told} calls were asked for again, and {came} came: a right one may be missing")


def too_few_choices(n: object, came: Sequence[int]) -> Truncated | None:
    """There are fewer choices than were asked for."""
    if not isinstance(n, int) or len(came) >= n:
        return None
    choices = ", ".join(map(str, came))
    return Truncated(f"{n} answers were asked for, and only these came: {choices} (see run.branches)")

"""Whether, when and with what words a model is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from random import uniform
from typing import Any, Protocol

from streamkit.client.request import Answered, Asked
from streamkit.client.sdk_errors import sdk_errors
from streamkit.errors import (
    EmptyAnswer,
    InvalidResult,
    JsonSyntaxError,
    LimitExceeded,
    SourceFailed,
    Truncated,
    UnknownTool,
)
from streamkit.sources.answer import Called

__all__ = ["Retries", "Retrying", "asked_again"]

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0  # seconds
_PASSING = frozenset({408, 409, 429})  # statuses that the SDK, too, asks again after
_SERVER_FAILED = 500


class Retrying(Protocol):
    """What is used of tenacity's `Retrying` and `AsyncRetrying`: its strategies."""

    stop: Any
    wait: Any
    retry: Any


class Retries:
    """How often to ask again, and after which wait.

    Args:
        limit: how many attempts may follow the first; or a `Retrying` of tenacity, whose `stop`, `wait` and
            `retry` decide.

    With a number, an answer that is not valid is asked for again at once, with its errors; a provider or a
    connection that failed, also before the next answer began, is given 0.5 to 8 seconds, twice as long each
    time, less up to a quarter by chance.
    """

    def __init__(self, limit: int | Retrying) -> None:
        if isinstance(limit, int) and limit < 0:
            raise ValueError(f"max_retries is how often to ask again, got {limit!r}")
        if not isinstance(limit, int) and not callable(getattr(limit, "stop", None)):
            raise TypeError(f"max_retries is a number, or a Retrying of tenacity, got {limit!r:.80}")
        self._limit = limit
        self._failed = self._lost = 0
        self._state: Any = None

    @property
    def wanted(self) -> bool:
        """There may be more than one attempt."""
        return not isinstance(self._limit, int) or self._limit > 0

    def after(self, error: Exception) -> float | None:
        """How many seconds to wait before the next attempt; None if there is to be none."""
        self._failed += 1
        if not _is_worth_it(error):
            return None
        if not isinstance(self._limit, int):
            return self._as_tenacity(self._limit, error)
        if self._failed > self._limit:
            return None
        if not isinstance(error, (SourceFailed, *sdk_errors("APIError"))):
            return 0.0
        self._lost += 1
        return min(_FIRST_WAIT * 2.0 ** (self._lost - 1), _LONGEST_WAIT) * uniform(0.75, 1.0)  # noqa: S311  # no secret

    def after_all(self, errors: Sequence[Exception]) -> float | None:
        """The same for an answer that failed in several ways: one that would end the same stops all."""
        return self.after(next((error for error in errors if not _is_worth_it(error)), errors[0]))

    def _as_tenacity(self, retrying: Retrying, error: Exception) -> float | None:
        if self._state is None:
            # Its strategies take the state of its own loop; whoever gives one has it installed.
            make = import_module("tenacity").RetryCallState
            self._state = make(retrying, None, (), {})
        else:
            self._state.prepare_for_next_attempt()
        self._state.set_exception((type(error), error, error.__traceback__))
        if not retrying.retry(self._state) or retrying.stop(self._state):
            return None
        wait = float(retrying.wait(self._state)) if retrying.wait is not None else 0.0
        self._state.idle_for += wait
        return wait


def _is_worth_it(error: Exception) -> bool:
    """Whether another attempt may end otherwise. A refusal stands, a token limit cuts again."""
    if isinstance(error, Truncated):
        return error.finish_reason != "length"
    if isinstance(error, LimitExceeded):
        return False
    if isinstance(error, sdk_errors("APIStatusError")):
        status: int = getattr(error, "status_code", 0)
        return status in _PASSING or status >= _SERVER_FAILED
    return isinstance(
        error, (InvalidResult, JsonSyntaxError, UnknownTool, SourceFailed, *sdk_errors("APIConnectionError"))
    )


def asked_again(asked: Asked, error: Exception, text: str, called: Called | None) -> Asked:
    """The request for the next attempt: what was wrong is told, with the answer that it was wrong in.

    Args:
        asked: the first request.
        error: how the last attempt ended; nothing is told if it was not the model that failed.
        text: what the model said.
        called: the call that the text is the arguments of.
    """
    if isinstance(error, SourceFailed) or (isinstance(error, Truncated) and not isinstance(error, EmptyAnswer)):
        return asked
    # What the program may do about it is none of the model's business.
    wrong = error.met if isinstance(error, JsonSyntaxError) else error
    told = f"That is not what was asked for:\n{wrong}\nAnswer again, completely, with this corrected."
    is_whole = isinstance(error, InvalidResult) and error.whole
    if called is not None and called.id and is_whole and asked.takes_back(text):
        return asked.with_calls("", [Answered(called, text, told, is_error=True)])
    return asked.with_words(text, told)

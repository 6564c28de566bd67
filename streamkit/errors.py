"""Every error streamkit raises: what was met, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamkit.untrusted import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

__all__ = [
    "Attempt",
    "ConnectionLost",
    "EmptyAnswer",
    "FellBehind",
    "Filtered",
    "InstructorRetryException",
    "InvalidResult",
    "JsonSyntaxError",
    "LimitExceeded",
    "ProviderError",
    "Refused",
    "RetriesExhausted",
    "RunExists",
    "RunExpired",
    "SourceFailed",
    "StreamkitError",
    "TooManyRuns",
    "Truncated",
    "UnknownRun",
    "UnknownTool",
    "shown_path",
]


class StreamkitError(Exception):
    """Base of all errors of this library.

    Attributes:
        partial: what had arrived when the error came up: a `Partial` model from `snapshots` and the
            client's calls, the JSON value so far from a flow's `result()`, else None.
        path: where in the document it happened, as a tuple of keys and indexes; None if it has no place.
    """

    partial: object = None
    path: tuple[str | int, ...] | None = None

    def __reduce__(self) -> tuple[object, ...]:
        """To another process, or copied, it is the same: an exception would be made again from its message alone."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[StreamkitError], args: tuple[object, ...], told: dict[str, object]) -> StreamkitError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(told)
    return error


class JsonSyntaxError(StreamkitError, ValueError):
    """The text is not JSON (RFC 8259).

    Attributes:
        reason: what was met and what was expected, without the position.
        met: the reason and the position, as the message begins.
        advice: what to do about it, as the message ends; "" where nothing helps but other text.
        offset: characters before the offending one, from 0.
        line: its line, from 1.
        column: its column on that line, from 1.
    """

    def __init__(
        self, reason: str, *, path: tuple[str | int, ...], offset: int, line: int, column: int, advice: str = ""
    ) -> None:
        self.reason, self.path, self.advice = reason, path, advice
        self.offset, self.line, self.column = offset, line, column
        self.met = f"{reason}, at {_where(path)} (line {line}, column {column}, offset {offset})"
        super().__init__(f"{self.met}; {advice}" if advice else self.met)

    def with_advice(self, advice: str) -> JsonSyntaxError:
        """Return the same error with another advice: who calls may know better what helps."""
        other = type(self)(
            self.reason, path=self.path or (), offset=self.offset, line=self.line, column=self.column, advice=advice
        )
        other.partial = self.partial
        return other


class LimitExceeded(JsonSyntaxError):
    """The text is larger, deeper or longer than the limits given to `accumulate()` allow."""


class Truncated(StreamkitError):
    """The text ended before its document did: cut by a token limit, or a connection that just closed.

    Attributes:
        finish_reason: the provider's own word: `"length"` for a token limit; None if it gave none.
    """

    finish_reason: str | None = None


class EmptyAnswer(Truncated):
    """The stream ended without any JSON."""


class Refused(StreamkitError):
    """The model refused; `str(error)` carries its own words, on one line, at most 2,000 characters."""


class Filtered(Refused):
    """A content filter of the provider stopped the answer."""


class InvalidResult(StreamkitError, ValueError):
    """The document is not what the model asks for.

    Attributes:
        errors: pydantic's error details, `loc` counted from the root.
        whole: the document had come to its end; else it was given up at the first wrong value.
    """

    whole = True

    def __init__(self, errors: Sequence[ErrorDetails], *, path: tuple[str | int, ...] = ()) -> None:
        self.errors, self.path = list(errors), path
        super().__init__(_summary(self.errors))


class UnknownTool(StreamkitError):
    """The model called a tool that it was not offered."""


class SourceFailed(StreamkitError):
    """What the text came from failed: see `ConnectionLost` and `ProviderError`."""


class ConnectionLost(SourceFailed):
    """The connection broke, or nothing came for longer than the client waits; the cause is the HTTP client's error."""


class ProviderError(SourceFailed):
    """The provider told of an error inside its stream, or what it sent is no stream of events.

    Attributes:
        body: the error object as the provider sent it, where there was one.
    """

    def __init__(self, message: str, *, body: object = None) -> None:
        self.body = body
        super().__init__(message)


@dataclass(frozen=True)
class Attempt:
    """One attempt at an answer, when it was over.

    Attributes:
        text: what the model said, as it came; of several documents, each from a line of its own.
        error: why it was not the last one, or what the run ended with; None for one that succeeded.
        usage: token counts, by the provider's names for them, where it told.
        finish_reason: the provider's own word for its end.
        id: the provider's id of the answer.
    """

    text: str
    error: Exception | None = None
    usage: Mapping[str, object] | None = None
    finish_reason: str | None = None
    id: str | None = None


class FellBehind(StreamkitError):
    """A subscriber of a hub was further behind than it may be.

    Attributes:
        missed: how many changes it had not read.
    """

    def __init__(self, message: str, *, missed: int) -> None:
        self.missed = missed
        super().__init__(message)


class UnknownRun(StreamkitError, LookupError):
    """No run of this id was started here."""


class RunExpired(UnknownRun):
    """The run has ended, and is no longer kept."""


class RunExists(StreamkitError):
    """A run of this id was started before."""


class TooManyRuns(StreamkitError):
    """As many runs are running as were allowed."""


class RetriesExhausted(StreamkitError):
    """No attempt gave a valid result; the cause is the error of the last one, whose `partial` is its own JSON alone.

    Attributes:
        attempts: each attempt's text, error and usage, oldest first.
    """

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self.attempts = list(attempts)
        last = self.attempts[-1].error
        super().__init__(f"{len(self.attempts)} attempts gave no valid result; the last: {last}")


InstructorRetryException = RetriesExhausted
"""Instructor's name."""


def _where(path: tuple[str | int, ...]) -> str:
    if not path:
        return "the root"
    return shown_path(path)


def shown_path(path: tuple[str | int, ...]) -> str:
    """Write a path for a message: as a JSON Pointer, escaped and cut, because a model may have written its keys."""
    return printable("".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path), 200)


def _summary(errors: list[ErrorDetails], most: int = 5) -> str:
    lines = [
        f"{_where(error['loc'])}: {printable(error['msg'], 300)} (got {error['input']!r:.80})"
        for error in errors[:most]
    ]
    more = f"; and {len(errors) - most} more" if len(errors) > most else ""
    return f"{len(errors)} field{'s' * (len(errors) != 1)} not valid: {'; '.join(lines)}{more}"

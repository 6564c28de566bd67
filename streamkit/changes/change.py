"""The change event, the end of a stream, and the paths that both speak of.

Everything that flows after the first operator is a `Change`. Its `path` is a tuple in which a `str`
is a key and an `int` an index; `()` is the root. See docs/contract.md for what each op promises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, Literal, NamedTuple, TypeAlias

from typing_extensions import TypeVar

__all__ = ["Change", "Dropped", "End", "Finish", "Op", "Path", "Status", "is_verdict", "parse_pointer", "to_pointer"]

Path: TypeAlias = tuple[str | int, ...]
Op: TypeAlias = Literal["add", "append", "replace", "remove", "complete", "invalid", "reset", "snapshot", "end"]
Status: TypeAlias = Literal["complete", "invalid", "truncated", "refused", "failed", "cancelled"]

RootT = TypeVar("RootT", default=object, covariant=True)
"""The type that the root's `complete` carries: the user's model, where a stage knows it."""


class Change(NamedTuple, Generic[RootT]):
    """One thing that happened to one value of the document.

    Attributes:
        op: what happened; see the table in docs/contract.md.
        path: to which value.
        value: `add`, `append` and `replace` carry JSON values, `complete` the typed Python value,
            `invalid` a list of pydantic's error details, `end` an `End`, `remove` None.
    """

    op: Op
    path: Path
    value: object = None

    @property
    def pointer(self) -> str:
        """The path as a JSON Pointer (RFC 6901): `"/users/0/name"`; the root is `""`."""
        return to_pointer(self.path)

    def matches(self, pattern: str) -> bool:
        """Tell whether the path fits a pattern: a JSON Pointer in which `*` stands for any one step.

        `**` as the last step stands for any number of steps, none included.
        """
        return matches(parse_pattern(pattern), self.path)


class Dropped(Change[Any]):
    """The `invalid` at a list's path that tells of an item that was left out: no verdict of the list."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(Change(*self))


def is_verdict(change: Change[Any]) -> bool:
    """Tell whether a change says that the value at its path is final."""
    return change.op in ("complete", "invalid") and not isinstance(change, Dropped)


class End(NamedTuple):
    """How a stream ended; the value of the one `end` event, which is always last.

    Attributes:
        status: `complete` (text whole, root valid), `invalid` (text whole, root not valid), `truncated`,
            `refused`, `failed` or `cancelled`.
        open: paths that never closed, parents first.
        error: what is to be raised by whoever wants a result and did not get one.
        finish_reason: the provider's own word for it, if it gave one.
    """

    status: Status
    open: tuple[Path, ...] = ()
    error: Exception | None = None
    finish_reason: str | None = None


class Finish(NamedTuple):
    """What a source knows about its own end: an iterator may offer it as its attribute `finish`.

    Attributes:
        reason: the provider's `finish_reason`: `"stop"`, `"length"`, `"tool_calls"`, `"content_filter"`...
        usage: token counts, by the provider's names for them.
        refusal: the text of a refusal, if there was one.
        ended: the source knows that nothing is missing. False where a provider's stream just stopped, without a
            finish reason or a closing event: then even a complete document ends `truncated`.
        said: the beginning of text that an operator such as `fenced` dropped, for the error of an empty answer.
    """

    reason: str | None = None
    usage: Mapping[str, object] | None = None
    refusal: str | None = None
    ended: bool = True
    said: str = ""


def to_pointer(path: Path) -> str:
    """Write a path as a JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


@lru_cache(maxsize=512)
def parse_pointer(pointer: str) -> tuple[str, ...]:
    """Split a JSON Pointer (RFC 6901) into its steps, unescaped.

    Raises:
        ValueError: the text is neither empty nor starts with `/`.
    """
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise ValueError(f"not a JSON Pointer: {pointer!r} must be empty or start with '/'")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/"))


def parse_pattern(pattern: str) -> tuple[str, ...]:
    """Split a path pattern into its steps; see `Change.matches`."""
    steps = parse_pointer(pattern)
    if "**" in steps[:-1]:
        raise ValueError(f"pattern {pattern!r}: '**' may only be the last step; write '*' for each single step")
    return steps


def matches(steps: Sequence[str], path: Path) -> bool:
    """Tell whether a path fits a pattern already split by `parse_pattern`."""
    if steps and steps[-1] == "**":
        steps = steps[:-1]
        path = path[: len(steps)] if len(path) >= len(steps) else path
    return len(steps) == len(path) and all(
        step == "*" or step == part or (type(part) is int and step == str(part))
        for step, part in zip(steps, path, strict=True)
    )

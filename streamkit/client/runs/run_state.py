"""`RunState`: one answer as far as it was read: what it says, what the provider says of it, how it ended.

Views take changes from it, and what they take is folded: so a snapshot or the result is whole, whichever view read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from streamkit.changes.change import Change, End, Finish
from streamkit.errors import Attempt, StreamkitError
from streamkit.partial.typed_fold import TypedFold
from streamkit.schema.compile import compile_type
from streamkit.schema.patterns import check_pattern, matcher

if TYPE_CHECKING:
    from anthropic.types import Message as AnthropicMessage
    from openai.types.chat import ChatCompletion
    from openai.types.responses import Response

    from streamkit.client.runs.attempts import Attempts

__all__ = ["RunState"]

ModelT = TypeVar("ModelT")


class RunState(Generic[ModelT]):
    """What both kinds of run know, and tell.

    Args:
        model: what is read.
        attempts: where it comes from.
    """

    def __init__(self, model: type[ModelT], attempts: Attempts[ModelT]) -> None:
        self._type, self._attempts = model, attempts
        self._fold = TypedFold(compile_type(model))
        self._pending: deque[Change[ModelT]] = deque()
        self._value: list[ModelT] = []
        self._end: End | None = None

    @property
    def response_model(self) -> type[ModelT]:
        """The type that is streamed."""
        return self._type

    @property
    def partial(self) -> ModelT | None:
        """What has been read so far: a `Partial`, the result itself once it is complete; None before anything."""
        # Looking takes nothing from who follows the snapshots.
        changed = self._fold.changed
        partial = self._fold.snapshot()
        self._fold.changed = changed
        return cast("ModelT | None", partial)

    @property
    def end(self) -> End | None:
        """How the stream ended; None until that was read."""
        return self._end

    @property
    def usage(self) -> Mapping[str, object] | None:
        """What the last attempt cost, by the provider's names; None until it told, usually at the very end."""
        return self._finish.usage

    @property
    def finish_reason(self) -> str | None:
        """Why the provider stopped: `"stop"`, `"length"`...; None until it told."""
        return self._finish.reason

    @property
    def refusal(self) -> str | None:
        """What the model said instead of an answer; None if it did not refuse."""
        return self._finish.refusal

    @property
    def model(self) -> str | None:
        """The model that answers, by its own name; None before it told."""
        return self._attempts.answer.model

    @property
    def id(self) -> str | None:
        """The provider's id of the answer; None before it told."""
        return self._attempts.answer.id

    @property
    def text(self) -> str:
        """What the model has said in the current attempt: the JSON, raw."""
        return self._attempts.text

    @property
    def completion(self) -> ChatCompletion | Response | AnthropicMessage:
        """The current attempt's answer as the SDK's own object, assembled of what has come; `created` is 0.

        A `Response` in the modes of the Responses API; Anthropic's `Message` where that is asked; else a
        `ChatCompletion`, of one choice.
        """
        return self._attempts.asked.completion(self._attempts.answer, self._attempts.text)

    @property
    def attempts(self) -> Sequence[Attempt]:
        """The attempts that have ended, oldest first."""
        return tuple(self._attempts.over)

    @property
    def chunks(self) -> int:
        """How many pieces of text have come."""
        return self._attempts.chunks

    @property
    def _finish(self) -> Finish:
        return self._attempts.answer.finish()

    def _take(self) -> Change[ModelT]:
        """The next of the changes that have come, folded."""
        change = self._pending.popleft()
        self._fold.apply(change)
        if not change[1]:
            self._take_root(change)
        return change

    def _take_all(self) -> Sequence[Change[ModelT]]:
        changes = list(self._pending)
        self._pending.clear()
        return self._folded(changes)

    def _folded(self, changes: Sequence[Change[ModelT]]) -> Sequence[Change[ModelT]]:
        apply = self._fold.apply
        for change in changes:
            apply(change)
            if not change[1]:
                self._take_root(change)
        return changes

    def _take_root(self, change: Change[ModelT]) -> None:
        op, _, value = change
        if op == "end":
            self._end = cast("End", value)
            if isinstance(self._end.error, StreamkitError):
                self._end.error.partial = self.partial
        elif op == "complete":
            self._value = [cast("ModelT", value)]

    def _news(self) -> list[ModelT]:
        """A snapshot, if there is anything new in it."""
        return [cast("ModelT", self._fold.snapshot())] if self._fold.changed else []

    def _result(self) -> ModelT:
        self._check("complete")
        return self._value[0]

    def _check(self, *good: str) -> None:
        """Raise unless the stream ended well."""
        if self._end is None:
            raise StreamkitError("the run was left before its end: read the result inside the 'with' block")
        if self._end.status not in good and self._end.error is not None:
            raise self._end.error

    def _fits(self, patterns: Sequence[str], of: type) -> Callable[[Change[ModelT]], bool]:
        for pattern in patterns:
            check_pattern(pattern, self._type)
        fits = matcher(patterns or ("/**",))
        return lambda change: change.op == "complete" and isinstance(change.value, of) and fits(change)

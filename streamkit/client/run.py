"""`Run` and `AsyncRun`: one answer, read once, by whatever reads it.

Changes, snapshots, completed values and the result are views of one stream: each reads on from where the
last one stopped. What was read is folded, so a snapshot or the result is whole whoever read the changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from streamkit.client.reader import AsyncReader, SyncReader
from streamkit.client.reasoning import AsyncReasoning, Reasoning
from streamkit.client.worlds import AsyncOnly, SyncOnly
from streamkit.errors import Attempt, StreamkitError
from streamkit.events import Change, End, Finish
from streamkit.patterns import check_pattern, matcher
from streamkit.schema.compile import compile_type
from streamkit.typed_fold import TypedFold

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from anthropic.types import Message as AnthropicMessage
    from openai.types.chat import ChatCompletion
    from openai.types.responses import Response

    from streamkit.client.attempts import Attempts

__all__ = ["AsyncRun", "Run"]

ModelT = TypeVar("ModelT")
T = TypeVar("T")


class _Reading(Generic[ModelT]):
    """What both kinds of run know, and tell."""

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


class Run(_Reading[ModelT], SyncOnly, Iterator[Change[ModelT]]):
    """One answer; iterating gives the changes.

    As a context manager it sends the request when it is entered, and closes the connection when it is left,
    however much was read. Without, the request is sent when something is first read.
    """

    def __init__(self, model: type[ModelT], attempts: Attempts[ModelT], reader: SyncReader[Change[ModelT]]) -> None:
        super().__init__(model, attempts)
        self._reader = reader
        self._reasoning = Reasoning(lambda: attempts.reasoning, lambda: not self._pending and self._more())

    def __enter__(self) -> Self:
        self._reader.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Change[ModelT]:
        while not self._pending:
            if not self._more():
                raise StopIteration
        return self._take()

    @property
    def first_change(self) -> float | None:
        """Seconds from the request to the first change; None before it."""
        return self._reader.first_change

    @property
    def reasoning(self) -> Reasoning:
        """What the model thinks, where it shows that: `str()` of it is what has come; iterating gives the pieces."""
        return self._reasoning

    def batches(self) -> Generator[Sequence[Change[ModelT]], None, None]:
        """The changes, with those of one read together."""
        more = self._reader.more
        while True:
            if self._pending:  # of a batch that another view began
                yield self._take_all()
            batch = more()
            if batch is None:
                return
            if batch:
                yield self._folded(batch)

    def snapshots(self) -> Generator[ModelT, None, None]:
        """`Partial` instances, one for each read that changed something; the last is the result itself.

        Raises:
            StreamkitError: the stream did not end `complete`; `.partial` has the last snapshot.
        """
        for _ in self.batches():
            yield from self._news()
        self._check("complete")

    @overload
    def completed(self, *patterns: str) -> Generator[object, None, None]: ...
    @overload
    def completed(self, *patterns: str, of: type[T]) -> Generator[T, None, None]: ...
    def completed(self, *patterns: str, of: type[Any] = object) -> Generator[Any, None, None]:
        """Typed values, the moment each is final: those whose path fits a pattern; see `operators.completed`.

        Args:
            patterns: as there.
            of: a class; only its instances pass, and type checkers know it.
        """
        fits = self._fits(patterns, of)
        for change in self:
            if fits(change):
                yield change.value
        self._check("complete", "invalid")

    def result(self) -> ModelT:
        """Read what is left, and return the validated model; again, the same object.

        Raises:
            StreamkitError: the stream did not end `complete`: `Truncated`, `Refused`, `InvalidResult`,
                `SourceFailed`, `JsonSyntaxError`..., or `RetriesExhausted`; `.partial` has what had arrived.
        """
        for _ in self.batches():
            pass
        return self._result()

    def cancel(self) -> None:
        """Stop the provider's stream; what is read next is an `end` with the status `cancelled`.

        From another thread, a read that waits for a server which sends nothing goes on until a byte comes, or
        the SDK's timeout passes.
        """
        self._reader.cancel()

    def close(self) -> None:
        """Stop: close the connection. Again is harmless."""
        self._reader.close()

    def _more(self) -> bool:
        batch = self._reader.more()
        self._pending.extend(batch or ())
        return batch is not None


class AsyncRun(_Reading[ModelT], AsyncOnly, AsyncIterator[Change[ModelT]]):
    """One answer; iterating (`async for`) gives the changes.

    As an async context manager it sends the request when it is entered, and has closed the connection when
    it is left, however much was read. Without, the request is sent when something is first read.

    Several tasks may read: what one was given, the others are not. Leaving ends the run for all.
    """

    def __init__(self, model: type[ModelT], attempts: Attempts[ModelT], reader: AsyncReader[Change[ModelT]]) -> None:
        super().__init__(model, attempts)
        self._reader = reader

        async def more() -> bool:
            return not self._pending and await self._more()

        self._reasoning = AsyncReasoning(lambda: attempts.reasoning, more)

    async def __aenter__(self) -> Self:
        await self._reader.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change[ModelT]:
        while not self._pending:
            if not await self._more():
                raise StopAsyncIteration
        return self._take()

    @property
    def first_change(self) -> float | None:
        """Seconds from the request to the first change; None before it."""
        return self._reader.first_change

    @property
    def reasoning(self) -> AsyncReasoning:
        """What the model thinks, where it shows that: `str()` of it is what has come; iterating gives the pieces."""
        return self._reasoning

    async def batches(self) -> AsyncGenerator[Sequence[Change[ModelT]], None]:
        """The changes, with those of one read together."""
        while self._pending or await self._more():
            # What another task read goes first, and may be all there is.
            if self._pending:
                yield self._take_all()

    async def snapshots(self) -> AsyncGenerator[ModelT, None]:
        """`Partial` instances, one for each read that changed something; the last is the result itself.

        Raises:
            StreamkitError: the stream did not end `complete`; `.partial` has the last snapshot.
        """
        while self._pending or await self._more():
            self._take_all()
            for snapshot in self._news():
                yield snapshot
        self._check("complete")

    @overload
    def completed(self, *patterns: str) -> AsyncGenerator[object, None]: ...
    @overload
    def completed(self, *patterns: str, of: type[T]) -> AsyncGenerator[T, None]: ...
    async def completed(self, *patterns: str, of: type[Any] = object) -> AsyncGenerator[Any, None]:
        """Typed values, the moment each is final: those whose path fits a pattern; see `operators.completed`.

        Args:
            patterns: as there.
            of: a class; only its instances pass, and type checkers know it.
        """
        fits = self._fits(patterns, of)
        async for change in self:
            if fits(change):
                yield change.value
        self._check("complete", "invalid")

    async def result(self) -> ModelT:
        """Read what is left, and return the validated model; again, the same object.

        Raises:
            StreamkitError: the stream did not end `complete`: `Truncated`, `Refused`, `InvalidResult`,
                `SourceFailed`, `JsonSyntaxError`..., or `RetriesExhausted`; `.partial` has what had arrived.
        """
        while self._pending or await self._more():
            self._take_all()
        return self._result()

    def cancel(self) -> None:
        """Stop the provider's stream at once; who reads is given an `end` with the status `cancelled`."""
        self._reader.cancel()

    async def aclose(self) -> None:
        """Stop: close the connection. Again is harmless."""
        await self._reader.aclose()

    async def _more(self) -> bool:
        batch = await self._reader.more()
        self._pending.extend(batch or ())
        return batch is not None

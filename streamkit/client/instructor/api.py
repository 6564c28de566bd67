"""Instructor's spellings of a run: `create` and its kin; also under `chat.completions`
and `messages`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast, overload

from streamkit.changes.change import Change
from streamkit.client.api import Api, AsyncApi, SyncApi
from streamkit.client.instructor.listeners import EventName, Listeners
from streamkit.client.request import Message
from streamkit.client.response_model import item_of, wanted
from streamkit.client.runs.hooks import Hooks
from streamkit.client.runs.run import AsyncRun, Run

if TYPE_CHECKING:
    from typing import Self

__all__ = ["AsyncSpellings", "SyncSpellings"]

ModelT = TypeVar("ModelT")
ApiT = TypeVar("ApiT", bound=Api)


class _Spellings(Generic[ApiT]):
    _api: ApiT
    model: str | None

    @property
    def chat(self) -> Self:
        """This client: `client.chat.completions.create_partial` is Instructor's spelling."""
        return self

    @property
    def completions(self) -> Self:
        """This client; see `chat`."""
        return self

    @property
    def messages(self) -> Self:
        """This client: `client.messages.create` is Instructor's spelling where Anthropic is asked."""
        return self

    def on(self, name: EventName, handler: Callable[..., object]) -> None:
        """Call a handler during each `create`, `create_partial`, `create_iterable`, `create_with_completion`.

        `completion:kwargs` gets the arguments of each request; `completion:response` the SDK's object (see
        `Run.completion`) of each answer that was read to its end; `parse:error` what was wrong with it;
        `completion:error` why there was none: a request that failed, a stream that broke, a refusal, a token
        limit; `completion:last_attempt` the error that no further attempt follows. What a handler raises ends
        the call. `stream` has `hooks=` instead.

        Args:
            name: of the event.
            handler: a plain function, also in an async client.

        Raises:
            ValueError: there is no event of that name.
            TypeError: the handler is async.
        """
        self._listeners.on(name, handler)

    def off(self, name: EventName, handler: Callable[..., object]) -> None:
        """Call a handler no more; harmless if it was not there."""
        self._listeners.off(name, handler)

    def clear(self, name: EventName | None = None) -> None:
        """Call no handler of that name any more, or none at all."""
        self._listeners.clear(name)

    @cached_property
    def _listeners(self) -> Listeners:
        return Listeners()


class SyncSpellings(_Spellings[SyncApi]):
    """For the sync client."""

    @abstractmethod
    def stream(self, response_model: type[ModelT], *, messages: Sequence[Message], **options: Any) -> Run[ModelT]:
        """Ask for a model, and read it while it is written."""

    def _run(self, response_model: type[ModelT], messages: Sequence[Message], options: dict[str, Any]) -> Run[ModelT]:
        """A run that the listeners hear of."""
        runs: list[Run[ModelT]] = []
        options = _with_context(options)
        hooks = self._listeners.around(options.pop("hooks", Hooks()), lambda: runs[0])
        runs.append(self.stream(response_model, messages=messages, hooks=hooks, **options))
        return runs[0]

    def create_partial(
        self, *, response_model: type[ModelT], messages: Sequence[Message], stream: bool = True, **options: Any
    ) -> Generator[ModelT, None, None]:
        """The model as it stands each time something changed, live.

        Each item is a `Partial` of the model, with what has arrived; the last is the validated model itself.
        The request is sent when the first item is asked for, the connection closed when the generator is.

        Args:
            response_model: as for `stream`.
            messages: as for `stream`.
            stream: only True; accepted for Instructor's sake.
            options: as for `stream`.

        Raises (when iterated):
            StreamkitError: the stream did not end `complete`; `.partial` has the last item.
        """
        _only_streaming(stream)
        return _snapshots(self._run(response_model, messages, options), self._listeners)

    def create_iterable(
        self, *, response_model: type[ModelT], messages: Sequence[Message], stream: bool = True, **options: Any
    ) -> Generator[ModelT, None, None]:
        """Any number of models, each as soon as it is complete.

        After a retry only those that differ from what was given at their place come again.

        Args:
            response_model: the type of one, or `Iterable` of it.
            messages: as for `stream`.
            stream: True or False: items come as they complete either way.
            options: as for `stream`.

        Raises (when iterated):
            StreamkitError: the stream did not end `complete`; `.partial` has the list.
        """
        return _items(self._run(_list_of(response_model), messages, options), self._listeners)

    @overload
    def create(
        self, *, response_model: None = None, messages: Sequence[Message], stream: bool = False, **options: Any
    ) -> Any: ...
    @overload
    def create(
        self,
        *,
        response_model: type[ModelT],
        messages: Sequence[Message],
        stream: Literal[False] = False,
        **options: Any,
    ) -> ModelT: ...
    @overload
    def create(
        self, *, response_model: type[ModelT], messages: Sequence[Message], stream: Literal[True], **options: Any
    ) -> Generator[ModelT, None, None]: ...
    def create(
        self,
        *,
        response_model: type[Any] | None = None,
        messages: Sequence[Message],
        stream: bool = False,
        **options: Any,
    ) -> Any:
        """A validated model; with `stream=True`, what `create_partial` gives, or for `Iterable` `create_iterable`.

        Args:
            response_model: as for `stream`; `Partial[...]` and `Iterable[...]` say what is streamed. Without
                one, the request goes to the SDK as it is.
            messages: as for `stream`.
            stream: give what there is while it comes.
            options: as for `stream`.

        Raises:
            StreamkitError: the answer did not end `complete`.
        """
        if response_model is None:
            return self._api.create(list(messages), {"model": self.model, **options, "stream": stream})
        if stream:
            spelled = self.create_partial if item_of(response_model) is None else self.create_iterable
            return spelled(response_model=response_model, messages=messages, **options)
        with self._listeners.requesting(), self._run(_whole(response_model), messages, options) as run:
            return run.result()

    def create_with_completion(
        self, *, response_model: type[ModelT], messages: Sequence[Message], **options: Any
    ) -> tuple[ModelT, Any]:
        """A validated model, and the answer that it was in, as the SDK's own object: see `Run.completion`.

        `completion.usage.total_tokens` is there if the provider told it; of several attempts, the last one's.

        Args:
            response_model: as for `create`.
            messages: as for `stream`.
            options: as for `stream`.

        Raises:
            StreamkitError: the answer did not end `complete`.
        """
        with self._listeners.requesting(), self._run(_whole(response_model), messages, options) as run:
            return run.result(), run.completion


class AsyncSpellings(_Spellings[AsyncApi]):
    """For the async client; see `SyncSpellings`."""

    @abstractmethod
    def stream(self, response_model: type[ModelT], *, messages: Sequence[Message], **options: Any) -> AsyncRun[ModelT]:
        """Ask for a model, and read it while it is written."""

    def _run(
        self, response_model: type[ModelT], messages: Sequence[Message], options: dict[str, Any]
    ) -> AsyncRun[ModelT]:
        """A run that the listeners hear of."""
        runs: list[AsyncRun[ModelT]] = []
        options = _with_context(options)
        hooks = self._listeners.around(options.pop("hooks", Hooks()), lambda: runs[0])
        runs.append(self.stream(response_model, messages=messages, hooks=hooks, **options))
        return runs[0]

    def create_partial(
        self, *, response_model: type[ModelT], messages: Sequence[Message], stream: bool = True, **options: Any
    ) -> AsyncGenerator[ModelT, None]:
        """Partial models, for `async for`; see `SyncSpellings.create_partial`."""
        _only_streaming(stream)
        return _asnapshots(self._run(response_model, messages, options), self._listeners)

    def create_iterable(
        self, *, response_model: type[ModelT], messages: Sequence[Message], stream: bool = True, **options: Any
    ) -> AsyncGenerator[ModelT, None]:
        """Models as they complete, for `async for`; see `SyncSpellings.create_iterable`."""
        return _aitems(self._run(_list_of(response_model), messages, options), self._listeners)

    @overload
    async def create(
        self, *, response_model: None = None, messages: Sequence[Message], stream: bool = False, **options: Any
    ) -> Any: ...
    @overload
    async def create(
        self,
        *,
        response_model: type[ModelT],
        messages: Sequence[Message],
        stream: Literal[False] = False,
        **options: Any,
    ) -> ModelT: ...
    @overload
    async def create(
        self, *, response_model: type[ModelT], messages: Sequence[Message], stream: Literal[True], **options: Any
    ) -> AsyncGenerator[ModelT, None]: ...
    async def create(
        self,
        *,
        response_model: type[Any] | None = None,
        messages: Sequence[Message],
        stream: bool = False,
        **options: Any,
    ) -> Any:
        """A validated model, or a stream of what there is: `await` gives either; see `SyncSpellings.create`."""
        if response_model is None:
            return await self._api.create(list(messages), {"model": self.model, **options, "stream": stream})
        if stream:
            spelled = self.create_partial if item_of(response_model) is None else self.create_iterable
            return spelled(response_model=response_model, messages=messages, **options)
        with self._listeners.requesting():
            async with self._run(_whole(response_model), messages, options) as run:
                return _for_both(await run.result())

    async def create_with_completion(
        self, *, response_model: type[ModelT], messages: Sequence[Message], **options: Any
    ) -> tuple[ModelT, Any]:
        """A validated model and the SDK's own object; see `SyncSpellings.create_with_completion`."""
        with self._listeners.requesting():
            async with self._run(_whole(response_model), messages, options) as run:
                return _for_both(await run.result()), run.completion


def _with_context(options: dict[str, Any]) -> dict[str, Any]:
    """Take `validation_context`, Instructor's older name of `context`."""
    if "validation_context" not in options:
        return options
    options = dict(options)
    context = options.pop("validation_context")
    if options.setdefault("context", context) is not context:
        raise TypeError("validation_context is the older name of context: pass one of them")
    return options


class _AsyncList(list[ModelT]):
    """Items for `for` and for `async for u in await client.create(response_model=Iterable[User])`."""

    async def __aiter__(self) -> AsyncGenerator[ModelT, None]:
        for item in self:
            yield item


def _for_both(result: ModelT) -> ModelT:
    """Return a result that is a list so that `async for` iterates it, too."""
    return cast("ModelT", _AsyncList(cast("list[object]", result))) if type(result) is list else result  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # a list of anything


def _list_of(response_model: type[ModelT]) -> type[list[ModelT]]:
    item = item_of(response_model)
    one = wanted(cast("type[ModelT]", item) if item is not None else response_model)
    return cast("type[list[ModelT]]", list[one])  # type: ignore[valid-type]  # a type that is made here


def _whole(response_model: type[ModelT]) -> type[ModelT]:
    """The type itself, or the list that is read for `Iterable`."""
    if item_of(response_model) is None:
        return response_model
    return cast("type[ModelT]", _list_of(response_model))


def _only_streaming(stream: bool) -> None:
    if not stream:
        raise ValueError("create_partial(stream=False): partial answers are streamed; use create(...)")


def _snapshots(run: Run[ModelT], listeners: Listeners) -> Generator[ModelT, None, None]:
    with listeners.requesting(), run:
        yield from run.snapshots()


async def _asnapshots(run: AsyncRun[ModelT], listeners: Listeners) -> AsyncGenerator[ModelT, None]:
    with listeners.requesting():
        async with run:
            async for snapshot in run.snapshots():
                yield snapshot


class _Given(Generic[ModelT]):
    """The items that were given, by their index."""

    def __init__(self) -> None:
        self._items: dict[str | int, object] = {}

    def new(self, change: Change[object]) -> list[ModelT]:
        """The item that a change completes, unless it was given before."""
        if change.op != "complete" or len(change.path) != 1:
            return []
        index = change.path[0]
        if index in self._items and self._items[index] == change.value:
            return []
        self._items[index] = change.value
        return [cast("ModelT", change.value)]


def _items(run: Run[list[ModelT]], listeners: Listeners) -> Generator[ModelT, None, None]:
    given = _Given[ModelT]()
    with listeners.requesting(), run:
        for change in run:
            yield from given.new(change)
        run.result()


async def _aitems(run: AsyncRun[list[ModelT]], listeners: Listeners) -> AsyncGenerator[ModelT, None]:
    given = _Given[ModelT]()
    with listeners.requesting():
        async with run:
            async for change in run:
                for item in given.new(change):
                    yield item
            await run.result()

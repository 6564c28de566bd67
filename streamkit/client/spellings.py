"""Instructor's spellings of a run: `create_partial`, `create_iterable`, `create`; also under
`chat.completions` and `messages`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Generator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast, overload

from streamkit.client.api import Api, AsyncApi, SyncApi
from streamkit.client.request import Message
from streamkit.client.run import AsyncRun, Run
from streamkit.client.wanted import item_of, wanted
from streamkit.events import Change

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


class SyncSpellings(_Spellings[SyncApi]):
    """For the sync client."""

    @abstractmethod
    def stream(self, response_model: type[ModelT], *, messages: Sequence[Message], **options: Any) -> Run[ModelT]:
        """Ask for a model, and read it while it is written."""

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
        return _snapshots(self.stream(response_model, messages=messages, **options))

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
        return _items(self.stream(_list_of(response_model), messages=messages, **options))

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
        is_many = item_of(response_model) is not None
        if stream:
            spelled = self.create_iterable if is_many else self.create_partial
            return spelled(response_model=response_model, messages=messages, **options)
        whole = _list_of(response_model) if is_many else response_model
        with self.stream(whole, messages=messages, **options) as run:
            return run.result()


class AsyncSpellings(_Spellings[AsyncApi]):
    """For the async client; see `SyncSpellings`."""

    @abstractmethod
    def stream(self, response_model: type[ModelT], *, messages: Sequence[Message], **options: Any) -> AsyncRun[ModelT]:
        """Ask for a model, and read it while it is written."""

    def create_partial(
        self, *, response_model: type[ModelT], messages: Sequence[Message], stream: bool = True, **options: Any
    ) -> AsyncGenerator[ModelT, None]:
        """Partial models, for `async for`; see `SyncSpellings.create_partial`."""
        _only_streaming(stream)
        return _asnapshots(self.stream(response_model, messages=messages, **options))

    def create_iterable(
        self, *, response_model: type[ModelT], messages: Sequence[Message], stream: bool = True, **options: Any
    ) -> AsyncGenerator[ModelT, None]:
        """Models as they complete, for `async for`; see `SyncSpellings.create_iterable`."""
        return _aitems(self.stream(_list_of(response_model), messages=messages, **options))

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
        is_many = item_of(response_model) is not None
        if stream:
            spelled = self.create_iterable if is_many else self.create_partial
            return spelled(response_model=response_model, messages=messages, **options)
        whole = _list_of(response_model) if is_many else response_model
        async with self.stream(whole, messages=messages, **options) as run:
            return await run.result()


def _list_of(response_model: type[ModelT]) -> type[list[ModelT]]:
    item = item_of(response_model)
    one = wanted(cast("type[ModelT]", item) if item is not None else response_model)
    return cast("type[list[ModelT]]", list[one])  # type: ignore[valid-type]  # a type that is made here


def _only_streaming(stream: bool) -> None:
    if not stream:
        raise ValueError("create_partial(stream=False): partial answers are streamed; use create(...)")


def _snapshots(run: Run[ModelT]) -> Generator[ModelT, None, None]:
    with run:
        yield from run.snapshots()


async def _asnapshots(run: AsyncRun[ModelT]) -> AsyncGenerator[ModelT, None]:
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


def _items(run: Run[list[ModelT]]) -> Generator[ModelT, None, None]:
    given = _Given[ModelT]()
    with run:
        for change in run:
            yield from given.new(change)
        run.result()


async def _aitems(run: AsyncRun[list[ModelT]]) -> AsyncGenerator[ModelT, None]:
    given = _Given[ModelT]()
    async with run:
        async for change in run:
            for item in given.new(change):
                yield item
        await run.result()

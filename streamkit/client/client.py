"""`Client` and `AsyncClient`: a model goes in, a run comes out. Both wrap the user's own openai client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel
from typing_extensions import TypeIs

from streamkit.client.mode import Mode
from streamkit.client.request import Message, chat_request
from streamkit.client.run import AsyncRun, Run
from streamkit.partial import whole_class
from streamkit.sources.openai import AsyncDeltas, Deltas, openai_chat

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from openai import AsyncStream, Stream
    from openai.types.chat import ChatCompletionChunk

__all__ = ["AsyncClient", "Client"]

ModelT = TypeVar("ModelT")
SdkT = TypeVar("SdkT", OpenAI, AsyncOpenAI)


class _Asking(Generic[SdkT]):
    """What both kinds of client are made of.

    Args:
        sdk: the openai client that sends the requests.
        model: the model to ask; by default each request names one.
        mode: how to ask for JSON; each request may say otherwise.
    """

    def __init__(self, sdk: SdkT, *, model: str | None = None, mode: Mode = Mode.JSON_SCHEMA) -> None:
        self.sdk: SdkT = sdk
        self.model, self.mode = model, mode

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r} at {self.sdk.base_url})"

    @property
    def chat(self) -> Self:
        """This client: `client.chat.completions.create_partial` is Instructor's spelling."""
        return self

    @property
    def completions(self) -> Self:
        """This client; see `chat`."""
        return self

    def _arguments(
        self, model: object, mode: Mode, messages: Sequence[Message], request: Mapping[str, object]
    ) -> dict[str, object]:
        return chat_request(model, mode, messages, {"model": self.model, **request})


class Client(_Asking[OpenAI]):
    """Streams models from an OpenAI-compatible endpoint; a context manager that closes the SDK's client."""

    def stream(
        self, response_model: type[ModelT], *, messages: Sequence[Message], mode: Mode | None = None, **request: object
    ) -> Run[ModelT]:
        """Ask for a model, and read it while it is written.

        Args:
            response_model: a pydantic model, `Partial` of one, or any type that `pydantic.TypeAdapter` takes.
                OpenAI's own endpoint wants an object at the root in JSON_SCHEMA mode.
            messages: the chat, as the SDK takes it.
            mode: how to ask for JSON; by default the client's.
            request: what else `client.chat.completions.create` of the SDK takes: `temperature=0`, `max_tokens=...`.

        Raises (when the run is entered, or first read):
            openai.OpenAIError: the request failed before anything streamed, as the SDK tells it.
        """
        wanted, mode = _wanted(response_model), mode or self.mode
        arguments = self._arguments(wanted, mode, messages, request)

        def send() -> Deltas:
            create = cast("Callable[..., Stream[ChatCompletionChunk]]", self.sdk.chat.completions.create)
            return openai_chat(create(**arguments), tool=_tool(mode))

        return Run(wanted, send)

    def create_partial(
        self,
        *,
        response_model: type[ModelT],
        messages: Sequence[Message],
        stream: bool = True,
        max_retries: int = 0,
        mode: Mode | None = None,
        **request: object,
    ) -> Generator[ModelT, None, None]:
        """Instructor's `create_partial`: the model as it stands each time something changed, live.

        Each item is a `Partial` of the model, with what has arrived; the last is the validated model itself.
        The request is sent when the first item is asked for, the connection closed when the generator is.

        Args:
            response_model: as for `stream`.
            messages: as for `stream`.
            stream: only True; accepted for Instructor's sake.
            max_retries: accepted for Instructor's sake and not used: there is one attempt, and its error is raised.
            mode: as for `stream`.
            request: as for `stream`.

        Raises (when iterated):
            StreamkitError: the stream did not end `complete`; `.partial` has the last item.
        """
        _only_streaming(stream)
        return _snapshots(self.stream(response_model, messages=messages, mode=mode, **request))

    def close(self) -> None:
        """Close the SDK's client, and with it its connections."""
        self.sdk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Asking[AsyncOpenAI]):
    """Streams models from an OpenAI-compatible endpoint; an async context manager that closes the SDK's client."""

    def stream(
        self, response_model: type[ModelT], *, messages: Sequence[Message], mode: Mode | None = None, **request: object
    ) -> AsyncRun[ModelT]:
        """Ask for a model, and read it while it is written; see `Client.stream`."""
        wanted, mode = _wanted(response_model), mode or self.mode
        arguments = self._arguments(wanted, mode, messages, request)

        async def send() -> AsyncDeltas:
            create = cast(
                "Callable[..., Awaitable[AsyncStream[ChatCompletionChunk]]]", self.sdk.chat.completions.create
            )
            return openai_chat(await create(**arguments), tool=_tool(mode))

        return AsyncRun(wanted, send)

    def create_partial(
        self,
        *,
        response_model: type[ModelT],
        messages: Sequence[Message],
        stream: bool = True,
        max_retries: int = 0,
        mode: Mode | None = None,
        **request: object,
    ) -> AsyncGenerator[ModelT, None]:
        """Instructor's `create_partial`, for `async for`; see `Client.create_partial`."""
        _only_streaming(stream)
        return _asnapshots(self.stream(response_model, messages=messages, mode=mode, **request))

    async def aclose(self) -> None:
        """Close the SDK's client, and with it its connections."""
        await self.sdk.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _wanted(response_model: type[ModelT]) -> type[ModelT]:
    """The type itself, where its `Partial` was given."""
    given = cast("object", response_model)
    return cast("type[ModelT]", whole_class(given)) if _is_model(given) else response_model


def _is_model(given: object) -> TypeIs[type[BaseModel]]:
    return isinstance(given, type) and issubclass(given, BaseModel)


def _tool(mode: Mode) -> int | None:
    return 0 if mode is Mode.TOOLS else None


def _only_streaming(stream: bool) -> None:
    if not stream:
        raise ValueError("create_partial(stream=False): partial answers are streamed; use stream(...).result()")


def _snapshots(run: Run[ModelT]) -> Generator[ModelT, None, None]:
    with run:
        yield from run.snapshots()


async def _asnapshots(run: AsyncRun[ModelT]) -> AsyncGenerator[ModelT, None]:
    async with run:
        async for snapshot in run.snapshots():
            yield snapshot

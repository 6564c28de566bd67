"""`Client` and `AsyncClient`: a model goes in, a run comes out. Both wrap the user's own openai client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from openai import AsyncOpenAI, OpenAI

from streamkit.client.attempts import Attempts, Reads
from streamkit.client.hooks import Hooks
from streamkit.client.mode import Mode
from streamkit.client.reader import AsyncReader, SyncReader
from streamkit.client.request import Asked, Message, ask
from streamkit.client.retry import Retries, Retrying
from streamkit.client.run import AsyncRun, Run
from streamkit.client.wanted import wanted
from streamkit.sources.openai import How, chat_pieces, responses_pieces

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from openai import AsyncStream, Stream
    from openai.types.chat import ChatCompletionChunk
    from openai.types.responses import ResponseStreamEvent

    from streamkit.sources.pieces import AsyncPieces, Pieces

__all__ = ["AsyncClient", "Client"]

ModelT = TypeVar("ModelT")
SdkT = TypeVar("SdkT", OpenAI, AsyncOpenAI)

_NO_HOOKS = Hooks()


class _Asking(Generic[SdkT]):
    """What both kinds of client are made of.

    Args:
        sdk: the openai client that sends the requests.
        model: the model to ask; by default each request names one.
        mode: how to ask for JSON; each request may say otherwise.
        source: read the bytes of the answers (`"sse"`) or the SDK's objects (`"sdk"`); by default the bytes
            wherever the server says that they are events.
    """

    def __init__(
        self, sdk: SdkT, *, model: str | None = None, mode: Mode = Mode.JSON_SCHEMA, source: How | None = None
    ) -> None:
        self.sdk: SdkT = sdk
        self.model, self.mode = model, mode
        self.source: How | None = source
        self.omit: Mapping[str, None] = {}  # arguments that the provider refuses

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

    def _ask(
        self, response_model: object, mode: Mode | None, messages: Sequence[Message], request: Mapping[str, object]
    ) -> Asked:
        return ask(response_model, mode or self.mode, messages, {"model": self.model, **self.omit, **request})


class Client(_Asking[OpenAI]):
    """Streams models from an OpenAI-compatible endpoint; a context manager that closes the SDK's client."""

    def stream(
        self,
        response_model: type[ModelT],
        *,
        messages: Sequence[Message],
        mode: Mode | None = None,
        max_retries: int | Retrying = 0,
        abort_on_invalid: bool = False,
        context: object = None,
        strict: bool | None = None,
        hooks: Hooks = _NO_HOOKS,
        **request: object,
    ) -> Run[ModelT]:
        """Ask for a model, and read it while it is written.

        Args:
            response_model: a pydantic model, `Partial` of one, or any type that `pydantic.TypeAdapter` takes.
                What is no object in JSON is asked for in the field `value` of one, and taken out of it.
            messages: the chat, as the SDK takes it.
            mode: how to ask for JSON; by default the client's.
            max_retries: how often to ask again, after an answer that is not valid (the model is told the
                errors) or a stream that broke; or a `Retrying` of tenacity.
            abort_on_invalid: end an attempt at the first value that is wrong, instead of paying for the rest.
            context: what validators find in `info.context`.
            strict: as in `Model.model_validate_json`; by default as the model says.
            hooks: what to call on the way.
            request: what else the SDK's `create` takes: `temperature=0`, `max_tokens=...`.

        Raises (when the run is entered, or first read):
            openai.OpenAIError: the request failed before anything streamed, as the SDK tells it.
        """
        hooks.check_sync()
        whole = wanted(response_model)
        reads = Reads(context, strict, abort_on_invalid)
        attempts = Attempts(whole, self._ask(whole, mode, messages, request), Retries(max_retries), reads)
        return Run(whole, attempts, SyncReader(attempts, self._send, hooks))

    def create_partial(
        self, *, response_model: type[ModelT], messages: Sequence[Message], stream: bool = True, **options: Any
    ) -> Generator[ModelT, None, None]:
        """Instructor's `create_partial`: the model as it stands each time something changed, live.

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

    def close(self) -> None:
        """Close the SDK's client, and with it its connections."""
        self.sdk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, asked: Asked) -> Pieces:
        if asked.mode.is_responses:
            respond = cast("Callable[..., Stream[ResponseStreamEvent]]", self.sdk.responses.create)
            return responses_pieces(respond(**asked.sent), self.source)
        complete = cast("Callable[..., Stream[ChatCompletionChunk]]", self.sdk.chat.completions.create)
        return chat_pieces(complete(**asked.sent), self.source)


class AsyncClient(_Asking[AsyncOpenAI]):
    """Streams models from an OpenAI-compatible endpoint; an async context manager that closes the SDK's client."""

    def stream(
        self,
        response_model: type[ModelT],
        *,
        messages: Sequence[Message],
        mode: Mode | None = None,
        max_retries: int | Retrying = 0,
        abort_on_invalid: bool = False,
        context: object = None,
        strict: bool | None = None,
        hooks: Hooks = _NO_HOOKS,
        **request: object,
    ) -> AsyncRun[ModelT]:
        """Ask for a model, and read it while it is written; see `Client.stream`. Hooks may be async."""
        whole = wanted(response_model)
        reads = Reads(context, strict, abort_on_invalid)
        attempts = Attempts(whole, self._ask(whole, mode, messages, request), Retries(max_retries), reads)
        return AsyncRun(whole, attempts, AsyncReader(attempts, self._send, hooks))

    def create_partial(
        self, *, response_model: type[ModelT], messages: Sequence[Message], stream: bool = True, **options: Any
    ) -> AsyncGenerator[ModelT, None]:
        """Instructor's `create_partial`, for `async for`; see `Client.create_partial`."""
        _only_streaming(stream)
        return _asnapshots(self.stream(response_model, messages=messages, **options))

    async def aclose(self) -> None:
        """Close the SDK's client, and with it its connections."""
        await self.sdk.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _send(self, asked: Asked) -> AsyncPieces:
        if asked.mode.is_responses:
            respond = cast("Callable[..., Awaitable[AsyncStream[ResponseStreamEvent]]]", self.sdk.responses.create)
            return responses_pieces(await respond(**asked.sent), self.source)
        complete = cast("Callable[..., Awaitable[AsyncStream[ChatCompletionChunk]]]", self.sdk.chat.completions.create)
        return chat_pieces(await complete(**asked.sent), self.source)


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

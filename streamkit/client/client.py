"""`Client` and `AsyncClient`: a model goes in, a run comes out. Both wrap the user's own client of an SDK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from streamkit.changes.change import Change
from streamkit.client.api import AsyncApi, SyncApi
from streamkit.client.instructor.api import AsyncSpellings, SyncSpellings
from streamkit.client.mode import Mode
from streamkit.client.request import Asked, Message
from streamkit.client.requests import Asking
from streamkit.client.response_model import wanted
from streamkit.client.retries.retry import Retries, Retrying
from streamkit.client.runs.async_reader import AsyncReader
from streamkit.client.runs.attempts import Attempts, Reads
from streamkit.client.runs.branch import BranchChange
from streamkit.client.runs.branch_run import AsyncBranchRun, BranchRun
from streamkit.client.runs.hooks import Hooks, check_hooks
from streamkit.client.runs.reader import SyncReader
from streamkit.client.runs.run import AsyncRun, Run
from streamkit.client.sync_async import AsyncWith, SyncWith

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from streamkit.sources.pieces import AsyncPieces, Pieces

__all__ = ["AsyncClient", "Client"]

ModelT = TypeVar("ModelT")

_NO_HOOKS = Hooks()


class Client(Asking[SyncApi], SyncSpellings, SyncWith):
    """Streams models from a provider; a context manager that closes the SDK's client."""

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
        hooks: Hooks[Change[ModelT]] = _NO_HOOKS,
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
            openai.OpenAIError, anthropic.AnthropicError: the request failed before anything streamed, as the SDK
                tells it.
        """
        check_hooks(hooks, is_async=False)
        whole = wanted(response_model)
        reads = Reads(context, strict, abort_on_invalid)
        attempts = Attempts(whole, self._ask(whole, mode, messages, request), Retries(max_retries), reads)
        return Run(whole, attempts, SyncReader(attempts, self._send, hooks))

    @overload
    def stream_tools(
        self,
        tools: Sequence[type[ModelT]],
        *,
        messages: Sequence[Message],
        mode: Mode = Mode.TOOLS,
        max_retries: int | Retrying = 0,
        abort_on_invalid: bool = False,
        context: object = None,
        strict: bool | None = None,
        hooks: Hooks[BranchChange[ModelT]] = _NO_HOOKS,
        **request: object,
    ) -> BranchRun[ModelT]: ...
    @overload
    def stream_tools(  # pyright: ignore[reportOverlappingOverload]  # mypy joins the types in a list to `type`
        self,
        tools: Sequence[type],
        *,
        messages: Sequence[Message],
        mode: Mode = Mode.TOOLS,
        max_retries: int | Retrying = 0,
        abort_on_invalid: bool = False,
        context: object = None,
        strict: bool | None = None,
        hooks: Hooks[BranchChange[Any]] = _NO_HOOKS,
        **request: object,
    ) -> BranchRun[Any]: ...
    def stream_tools(
        self,
        tools: Sequence[type[Any]],
        *,
        messages: Sequence[Message],
        mode: Mode = Mode.TOOLS,
        max_retries: int | Retrying = 0,
        abort_on_invalid: bool = False,
        context: object = None,
        strict: bool | None = None,
        hooks: Hooks[BranchChange[Any]] = _NO_HOOKS,
        **request: object,
    ) -> BranchRun[Any]:
        """Let the model call tools, any number of times at once, and read the arguments of all while they are written.

        `for branch, change in run` tells the changes of each call, beside the call: `branch.name`, `.id`,
        `.response_model`, `.partial`, `.end`, `.result()`. `run.results()` is the models of all.

        Args:
            tools: the models of the tools' arguments; a tool has its model's name, and its docstring for a
                description.
            messages: the chat, as the SDK takes it.
            mode: TOOLS or RESPONSES_TOOLS.
            max_retries: how often to ask for all calls again, after an answer in which one is not valid or of no
                tool, that calls nothing, or whose stream broke; the model is told what was wrong with which call,
                and an answer with fewer calls than it was told of is not taken.
            abort_on_invalid: end an attempt at the first value that is wrong, in whichever call.
            context: as for `stream`.
            strict: as for `stream`.
            hooks: as for `stream`, with a `BranchChange` for each change, and `on_end` for each call.
            request: what else the SDK's `create` takes: `tool_choice="auto"`, `parallel_tool_calls=False`.

        Raises:
            ValueError: there are no tools, or two of one name; the mode is another.

        Raises (when the run is entered, or first read):
            openai.OpenAIError, anthropic.AnthropicError: the request failed before anything streamed, as the SDK
                tells it.
        """
        check_hooks(hooks, is_async=False)
        retries, reads = Retries(max_retries), Reads(context, strict, abort_on_invalid)
        machine = self._calls(tools, mode, messages, request, retries=retries, reads=reads)
        return BranchRun(machine, SyncReader(machine, self._send, hooks))

    def stream_choices(
        self,
        response_model: type[ModelT],
        *,
        n: int,
        messages: Sequence[Message],
        mode: Mode | None = None,
        max_retries: int | Retrying = 0,
        abort_on_invalid: bool = False,
        context: object = None,
        strict: bool | None = None,
        hooks: Hooks[BranchChange[ModelT]] = _NO_HOOKS,
        **request: object,
    ) -> BranchRun[ModelT]:
        """Ask for `n` answers at once, and read all while they are written: `for branch, change in run`.

        Args:
            response_model: as for `stream`.
            n: how many; `branch.choice` says which one a change belongs to.
            messages: as for `stream`.
            mode: as for `stream`; the Responses API has no choices.
            max_retries: how often to ask for all choices again, where one is not valid or the stream broke.
            abort_on_invalid: end an attempt at the first value that is wrong, in whichever choice.
            context: as for `stream`.
            strict: as for `stream`.
            hooks: as for `stream_tools`.
            request: as for `stream`.
        """
        check_hooks(hooks, is_async=False)
        retries, reads = Retries(max_retries), Reads(context, strict, abort_on_invalid)
        machine = self._choices(response_model, mode, messages, request, n=n, retries=retries, reads=reads)
        return BranchRun(machine, SyncReader(machine, self._send, hooks))

    def close(self) -> None:
        """Close the SDK's client, and with it its connections."""
        self._api.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, asked: Asked) -> Pieces:
        return self._api.send(asked, self.source)


class AsyncClient(Asking[AsyncApi], AsyncSpellings, AsyncWith):
    """Streams models from a provider; an async context manager that closes the SDK's client.

    It belongs to one event loop, as the SDK's connections do: a second `asyncio.run` needs another client.
    """

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
        hooks: Hooks[Change[ModelT]] = _NO_HOOKS,
        **request: object,
    ) -> AsyncRun[ModelT]:
        """Ask for a model, and read it while it is written; see `Client.stream`. Hooks may be async."""
        check_hooks(hooks, is_async=True)
        whole = wanted(response_model)
        reads = Reads(context, strict, abort_on_invalid)
        attempts = Attempts(whole, self._ask(whole, mode, messages, request), Retries(max_retries), reads)
        return AsyncRun(whole, attempts, AsyncReader(attempts, self._send, hooks))

    @overload
    def stream_tools(
        self,
        tools: Sequence[type[ModelT]],
        *,
        messages: Sequence[Message],
        mode: Mode = Mode.TOOLS,
        max_retries: int | Retrying = 0,
        abort_on_invalid: bool = False,
        context: object = None,
        strict: bool | None = None,
        hooks: Hooks[BranchChange[ModelT]] = _NO_HOOKS,
        **request: object,
    ) -> AsyncBranchRun[ModelT]: ...
    @overload
    def stream_tools(  # pyright: ignore[reportOverlappingOverload]  # mypy joins the types in a list to `type`
        self,
        tools: Sequence[type],
        *,
        messages: Sequence[Message],
        mode: Mode = Mode.TOOLS,
        max_retries: int | Retrying = 0,
        abort_on_invalid: bool = False,
        context: object = None,
        strict: bool | None = None,
        hooks: Hooks[BranchChange[Any]] = _NO_HOOKS,
        **request: object,
    ) -> AsyncBranchRun[Any]: ...
    def stream_tools(
        self,
        tools: Sequence[type[Any]],
        *,
        messages: Sequence[Message],
        mode: Mode = Mode.TOOLS,
        max_retries: int | Retrying = 0,
        abort_on_invalid: bool = False,
        context: object = None,
        strict: bool | None = None,
        hooks: Hooks[BranchChange[Any]] = _NO_HOOKS,
        **request: object,
    ) -> AsyncBranchRun[Any]:
        """Calls of tools, for `async for`; see `Client.stream_tools`."""
        check_hooks(hooks, is_async=True)
        retries, reads = Retries(max_retries), Reads(context, strict, abort_on_invalid)
        machine = self._calls(tools, mode, messages, request, retries=retries, reads=reads)
        return AsyncBranchRun(machine, AsyncReader(machine, self._send, hooks))

    def stream_choices(
        self,
        response_model: type[ModelT],
        *,
        n: int,
        messages: Sequence[Message],
        mode: Mode | None = None,
        max_retries: int | Retrying = 0,
        abort_on_invalid: bool = False,
        context: object = None,
        strict: bool | None = None,
        hooks: Hooks[BranchChange[ModelT]] = _NO_HOOKS,
        **request: object,
    ) -> AsyncBranchRun[ModelT]:
        """Several answers at once, for `async for`; see `Client.stream_choices`."""
        check_hooks(hooks, is_async=True)
        retries, reads = Retries(max_retries), Reads(context, strict, abort_on_invalid)
        machine = self._choices(response_model, mode, messages, request, n=n, retries=retries, reads=reads)
        return AsyncBranchRun(machine, AsyncReader(machine, self._send, hooks))

    async def aclose(self) -> None:
        """Close the SDK's client, and with it its connections."""
        await self._api.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _send(self, asked: Asked) -> AsyncPieces:
        return await self._api.send(asked, self.source)

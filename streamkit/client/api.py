"""`Api`: all in which one provider's API differs from another's, for a client.

ask, ask_for_calls   how a request is spelt, and asked again (`Asked.with_words`, `with_calls`)
send                 how it goes out, and which pieces come back
create               a request as it is, past all this
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from streamkit.client.mode import Mode
from streamkit.client.request import Arguments, Asked, Message, Tools

if TYPE_CHECKING:
    import httpx2

    from streamkit.sources.openai import How
    from streamkit.sources.pieces import AsyncPieces, Pieces

__all__ = ["Api", "AsyncApi", "Sdk", "SyncApi"]


class Sdk(Protocol):
    """What the clients of all SDKs tell; `isinstance(client.sdk, openai.OpenAI)` gets at the rest.

    Attributes:
        base_url: the endpoint.
        api_key: what it is asked with.
        timeout: seconds, or the HTTP client's own kind of timeout.
        max_retries: how often the SDK tries a request again that was not answered.
    """

    @property
    def base_url(self) -> httpx2.URL: ...
    @property
    def api_key(self) -> str | None: ...
    @property
    def timeout(self) -> object: ...
    @property
    def max_retries(self) -> int: ...


class Api(Protocol):
    """How requests are spelt."""

    @property
    def sdk(self) -> Sdk:
        """The client that sends them."""
        ...

    def ask(self, response_model: object, mode: Mode, messages: Sequence[Message], request: Arguments) -> Asked:
        """Return the request for one model.

        What the user says in `request` goes before what a mode would say; None there leaves an argument out.

        Raises:
            TypeError: no `model` is named, or the messages are none.
            ValueError: several answers are asked for, or in a mode that the API does not have.
        """
        ...

    def ask_for_calls(self, tools: Tools, mode: Mode, messages: Sequence[Message], request: Arguments) -> Asked:
        """Return the request for any number of calls of some tools, each with its model.

        Raises:
            TypeError: as for `ask`.
            ValueError: as for `ask`; or the arguments of a tool are not an object.
        """
        ...


class SyncApi(Api, Protocol):
    """For the sync world."""

    def send(self, asked: Asked, source: How | None) -> Pieces:
        """Send a request that streams; the SDK's errors get a note, and pass."""
        ...

    def create(self, messages: Sequence[Message], request: Arguments) -> Any:
        """Send a request of the user's own, and return what the SDK returns."""
        ...

    def close(self) -> None:
        """Close the SDK's client."""
        ...


class AsyncApi(Api, Protocol):
    """For the async world; see `SyncApi`."""

    async def send(self, asked: Asked, source: How | None) -> AsyncPieces: ...
    async def create(self, messages: Sequence[Message], request: Arguments) -> Any: ...
    async def aclose(self) -> None: ...

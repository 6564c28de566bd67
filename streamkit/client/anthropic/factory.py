"""`from_anthropic`: a client around one of the anthropic SDK, which is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, overload

from streamkit.client.client import AsyncClient, Client
from streamkit.client.mode import Mode, mode_of

if TYPE_CHECKING:
    from anthropic import Anthropic, AsyncAnthropic

    from streamkit.sources.openai import How

__all__ = ["anthropic_client", "from_anthropic"]


@overload
def from_anthropic(client: Anthropic, *, model: str | None = None, mode: Mode = Mode.JSON_SCHEMA) -> Client: ...
@overload
def from_anthropic(
    client: AsyncAnthropic, *, model: str | None = None, mode: Mode = Mode.JSON_SCHEMA
) -> AsyncClient: ...
def from_anthropic(
    client: Anthropic | AsyncAnthropic, *, model: str | None = None, mode: Mode = Mode.JSON_SCHEMA
) -> Client | AsyncClient:
    """Stream models through a client of the anthropic SDK that you made; it stays yours to configure.

    Needs `streamkit[anthropic]`. Requests take what the SDK's `messages.create` takes; an answer may have
    16,384 tokens unless `max_tokens=` says otherwise, and what system messages say is sent as `system=`.

    Args:
        client: `anthropic.Anthropic` or `anthropic.AsyncAnthropic`, or a subclass.
        model: the model to ask; by default each request names one with `model=`.
        mode: how to ask for JSON; each request may say otherwise. JSON_SCHEMA is the API's structured outputs
            (`output_config`), TOOLS a forced tool; JSON and MD_JSON ask in the system message, and so does
            JSON_SCHEMA for a model that structured outputs cannot say: with open parts, such as a `dict`, or
            inside itself. There are no Responses modes.

    Raises:
        TypeError: it is another kind of client.
        ValueError: the mode is of the Responses API.
        ModuleNotFoundError: the anthropic SDK is not installed.
    """
    _check_installed()
    from anthropic import Anthropic, AsyncAnthropic  # noqa: PLC0415 - anthropic is optional

    from streamkit.client.anthropic.api import AnthropicApi, AsyncAnthropicApi  # noqa: PLC0415 - as anthropic
    from streamkit.client.anthropic.request import check_mode  # noqa: PLC0415 - as anthropic

    check_mode(mode_of(mode))
    if isinstance(client, AsyncAnthropic):
        return AsyncClient(AsyncAnthropicApi(client), model=model, mode=mode)
    if isinstance(client, Anthropic):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        return Client(AnthropicApi(client), model=model, mode=mode)
    raise TypeError(f"from_anthropic() takes an Anthropic or AsyncAnthropic client, got {client!r:.80}")


def anthropic_client(
    model: str, mode: Mode | None, source: How | None, arguments: Mapping[str, Any], *, is_async: bool
) -> Client | AsyncClient:
    """Make a client with an SDK's client of its own; see `from_provider`."""
    _check_installed()
    from anthropic import Anthropic, AsyncAnthropic  # noqa: PLC0415 - anthropic is optional

    from streamkit.client.anthropic.request import check_source  # noqa: PLC0415 - as anthropic

    check_source(source)
    mode = mode or Mode.JSON_SCHEMA
    if is_async:
        return from_anthropic(AsyncAnthropic(**arguments), model=model, mode=mode)
    return from_anthropic(Anthropic(**arguments), model=model, mode=mode)


def _check_installed() -> None:
    if find_spec("anthropic") is None:
        raise ModuleNotFoundError(
            "Anthropic's API is asked through its SDK: pip install 'streamkit[anthropic]'", name="anthropic"
        )

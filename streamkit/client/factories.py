"""`from_provider` and `from_openai`: a client by the provider's name, or around one that is there."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from typing import Any, Literal, overload

from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI, OpenAIError

from streamkit.client.anthropic.factory import anthropic_client
from streamkit.client.client import AsyncClient, Client
from streamkit.client.mode import Mode
from streamkit.client.openai.api import AsyncOpenAIApi, OpenAIApi
from streamkit.client.providers import ALSO_CALLED, PROVIDERS
from streamkit.sources.openai import How

__all__ = ["from_openai", "from_provider"]


@overload
def from_openai(
    client: OpenAI, *, model: str | None = None, mode: Mode = Mode.JSON_SCHEMA, source: How | None = None
) -> Client: ...
@overload
def from_openai(
    client: AsyncOpenAI, *, model: str | None = None, mode: Mode = Mode.JSON_SCHEMA, source: How | None = None
) -> AsyncClient: ...
def from_openai(
    client: OpenAI | AsyncOpenAI,
    *,
    model: str | None = None,
    mode: Mode = Mode.JSON_SCHEMA,
    source: How | None = None,
) -> Client | AsyncClient:
    """Stream models through an openai client that you made; it stays yours to configure.

    Args:
        client: `openai.OpenAI` or `openai.AsyncOpenAI`, or a subclass (Azure).
        model: the model to ask; by default each request names one with `model=`.
        mode: how to ask for JSON; each request may say otherwise.
        source: `"sse"` reads the bytes of the answers, `"sdk"` the SDK's objects; by default the bytes, wherever
            the server says that they are events.

    Raises:
        TypeError: it is another kind of client.
    """
    if isinstance(client, AsyncOpenAI):
        return AsyncClient(AsyncOpenAIApi(client), model=model, mode=mode, source=source)
    if isinstance(client, OpenAI):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        return Client(OpenAIApi(client), model=model, mode=mode, source=source)
    raise TypeError(f"from_openai() takes an OpenAI or AsyncOpenAI client, got {client!r:.80}")


@overload
def from_provider(
    name: str,
    *,
    async_client: Literal[False] = False,
    base_url: str | None = None,
    api_key: str | None = None,
    mode: Mode | None = None,
    source: How | None = None,
    **options: object,
) -> Client: ...
@overload
def from_provider(
    name: str,
    *,
    async_client: Literal[True],
    base_url: str | None = None,
    api_key: str | None = None,
    mode: Mode | None = None,
    source: How | None = None,
    **options: object,
) -> AsyncClient: ...
@overload
def from_provider(
    name: str,
    *,
    async_client: bool,
    base_url: str | None = None,
    api_key: str | None = None,
    mode: Mode | None = None,
    source: How | None = None,
    **options: object,
) -> Client | AsyncClient: ...
def from_provider(
    name: str,
    *,
    async_client: bool = False,
    base_url: str | None = None,
    api_key: str | None = None,
    mode: Mode | None = None,
    source: How | None = None,
    **options: object,
) -> Client | AsyncClient:
    """Make a client by name: `from_provider("openai/gpt-4.1-mini")`.

    Args:
        name: `provider/model` or `provider:model`. Known are the keys of `streamkit.client.PROVIDERS`, in
            any case; any other name stands for the server at `base_url`.
        async_client: an `AsyncClient` instead of a `Client`.
        base_url: the endpoint, of any OpenAI-compatible server, or of one that has Anthropic's API, where that is
            the provider; by default the provider's own.
        api_key: by default from the provider's environment variable, such as `OPENAI_API_KEY`. A server that
            is not in the list gets none unless it is given here. For Anthropic, what its SDK finds.
        mode: how to ask for JSON, by default as suits the provider; each request may say otherwise.
        source: as for `from_openai`.
        options: what else the SDK's client takes: `timeout=30`, `max_retries=0`, `http_client=...`; for Azure
            `azure_endpoint=` and `api_version=`, unless they are in the environment.

    Raises:
        ValueError: the name is not `provider/model`, or the provider is unknown and no `base_url` is given.
        openai.OpenAIError: no key is given, and the environment has none. (For Anthropic its SDK tells so, when
            a request is sent.)
        ModuleNotFoundError: `anthropic/...` without the anthropic SDK (`streamkit[anthropic]`).
    """
    parts = re.fullmatch(r"([^/:]+)[/:](.+)", name)
    if parts is None:
        raise ValueError(f"expected 'provider/model', such as 'openai/gpt-4.1-mini', got {name!r}")
    provider, model = parts[1].lower(), parts[2]
    if base_url is None:
        provider = ALSO_CALLED.get(provider, provider)
    known = PROVIDERS.get(provider)
    if known is None and base_url is None:
        raise ValueError(_unknown(provider, name))
    if provider == "anthropic":
        found = {"base_url": base_url, "api_key": api_key, **options}
        return anthropic_client(model, mode, source, found, is_async=async_client)
    if api_key is None:
        # A key that is meant for one provider is not sent to another.
        api_key = os.environ.get(known.key) if known is not None and known.key is not None else "none"
    if api_key is None and known is not None and known.base_url is not None:
        raise OpenAIError(f"no key for {provider!r}: set {known.key}, or give api_key=...")
    if api_key is None and provider == "openai":
        raise OpenAIError("no key for 'openai': set OPENAI_API_KEY, or give api_key=...")
    endpoint = base_url or (_endpoint(provider, known.base_url) if known and known.base_url else None)
    arguments: dict[str, Any] = {"base_url": endpoint, "api_key": api_key, **options}
    sdk = _sdk(provider, arguments, is_async=async_client)
    mode = mode or (known.mode if known is not None else Mode.JSON_SCHEMA)
    omit = known.omit if known is not None else None
    if isinstance(sdk, AsyncOpenAI):
        return AsyncClient(AsyncOpenAIApi(sdk, omit), model=model, mode=mode, source=source)
    return Client(OpenAIApi(sdk, omit), model=model, mode=mode, source=source)


def _endpoint(provider: str, template: str) -> str:
    """Fill in the environment variables of an endpoint.

    Raises:
        ValueError: one is not set.
    """
    names = re.findall(r"\{(\w+)\}", template)
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise ValueError(f"the endpoint of {provider!r} depends on {', '.join(missing)}: set it, or give base_url=...")
    values = {name: os.environ[name].removeprefix("https://").rstrip("/") for name in names}
    return template.format(**values)


def _unknown(provider: str, name: str) -> str:
    close = get_close_matches(provider, PROVIDERS, n=1)
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    known = ", ".join(map(repr, sorted(PROVIDERS)))
    return (
        f"unknown provider {provider!r} in {name!r}{meant}: known are {known}; "
        "for any other OpenAI-compatible server give base_url=..."
    )


def _sdk(provider: str, arguments: dict[str, Any], *, is_async: bool) -> OpenAI | AsyncOpenAI:
    if provider != "azure":
        return AsyncOpenAI(**arguments) if is_async else OpenAI(**arguments)
    # Azure's client makes the address of the endpoint.
    if arguments["base_url"] is None:
        del arguments["base_url"]
    return AsyncAzureOpenAI(**arguments) if is_async else AzureOpenAI(**arguments)

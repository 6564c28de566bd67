"""`from_provider` and `from_openai`: a client by the provider's name, or around one that is there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, overload

from openai import AsyncOpenAI, OpenAI

from streamkit.client.client import AsyncClient, Client
from streamkit.client.mode import Mode

__all__ = ["from_openai", "from_provider"]


@dataclass(frozen=True)
class _Provider:
    """Where an OpenAI-compatible endpoint is, and which environment variable has its key."""

    base_url: str | None
    key: str


# openai: the SDK knows the address (and OPENAI_BASE_URL) itself.
_PROVIDERS = {"openai": _Provider(None, "OPENAI_API_KEY")}


@overload
def from_openai(client: OpenAI, *, model: str | None = None, mode: Mode = Mode.JSON_SCHEMA) -> Client: ...
@overload
def from_openai(client: AsyncOpenAI, *, model: str | None = None, mode: Mode = Mode.JSON_SCHEMA) -> AsyncClient: ...
def from_openai(
    client: OpenAI | AsyncOpenAI, *, model: str | None = None, mode: Mode = Mode.JSON_SCHEMA
) -> Client | AsyncClient:
    """Stream models through an openai client that you made; it stays yours to configure.

    Args:
        client: `openai.OpenAI` or `openai.AsyncOpenAI`, or a subclass (Azure).
        model: the model to ask; by default each request names one with `model=`.
        mode: how to ask for JSON; each request may say otherwise.

    Raises:
        TypeError: it is another kind of client.
    """
    if isinstance(client, AsyncOpenAI):
        return AsyncClient(client, model=model, mode=mode)
    if isinstance(client, OpenAI):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        return Client(client, model=model, mode=mode)
    raise TypeError(f"from_openai() takes an OpenAI or AsyncOpenAI client, got {client!r:.80}")


@overload
def from_provider(
    name: str,
    *,
    async_client: Literal[False] = False,
    base_url: str | None = None,
    api_key: str | None = None,
    mode: Mode = Mode.JSON_SCHEMA,
    **options: object,
) -> Client: ...
@overload
def from_provider(
    name: str,
    *,
    async_client: Literal[True],
    base_url: str | None = None,
    api_key: str | None = None,
    mode: Mode = Mode.JSON_SCHEMA,
    **options: object,
) -> AsyncClient: ...
@overload
def from_provider(
    name: str,
    *,
    async_client: bool,
    base_url: str | None = None,
    api_key: str | None = None,
    mode: Mode = Mode.JSON_SCHEMA,
    **options: object,
) -> Client | AsyncClient: ...
def from_provider(
    name: str,
    *,
    async_client: bool = False,
    base_url: str | None = None,
    api_key: str | None = None,
    mode: Mode = Mode.JSON_SCHEMA,
    **options: object,
) -> Client | AsyncClient:
    """Make a client by name: `from_provider("openai/gpt-4.1-mini")`.

    Args:
        name: `provider/model`. Known is `openai`; any other name stands for the server at `base_url`.
        async_client: an `AsyncClient` instead of a `Client`.
        base_url: the endpoint, of any OpenAI-compatible server; by default the provider's own.
        api_key: by default from the provider's environment variable (`OPENAI_API_KEY`). A server that is
            not in the list gets none unless it is given here.
        mode: how to ask for JSON; each request may say otherwise.
        options: what else the SDK's client takes: `timeout=30`, `max_retries=0`, `http_client=...`.

    Raises:
        ValueError: the name is not `provider/model`, or the provider is unknown and no `base_url` is given.
        openai.OpenAIError: no key is given, and the environment has none.
    """
    provider, slash, model = name.partition("/")
    if not (provider and slash and model):
        raise ValueError(f"expected 'provider/model', such as 'openai/gpt-4.1-mini', got {name!r}")
    known = _PROVIDERS.get(provider)
    if known is None and base_url is None:
        raise ValueError(
            f"unknown provider {provider!r} in {name!r}: known are {', '.join(map(repr, sorted(_PROVIDERS)))}; "
            "for any other OpenAI-compatible server give base_url=..."
        )
    if api_key is None:
        # A key that is meant for one provider is not sent to another.
        api_key = os.environ.get(known.key) if known is not None else "none"
    arguments = {"base_url": base_url or (known and known.base_url), "api_key": api_key, **options}
    sdk = AsyncOpenAI if async_client else OpenAI
    return from_openai(sdk(**arguments), model=model, mode=mode)  # type: ignore[arg-type]  # the SDK checks them

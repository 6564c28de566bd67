"""Events of Anthropic's Messages API, one by one, and clients of a server that sends them."""

import json
from typing import Any

from streamkit import from_provider
from streamkit.client import AsyncClient, Client
from streamkit.testing import LoopbackServer, anthropic_events

__all__ = ["STOP", "aclaude", "claude", "cut", "event", "tool_use"]

MODEL = "anthropic/claude-opus-4-8"


def event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


STOP = event("message_stop")


def tool_use(index: int, name: str, *pieces: str, **block: Any) -> list[bytes]:
    begun: dict[str, Any] = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}, **block}
    return [
        event("content_block_start", index=index, content_block=begun),
        *[event("content_block_delta", index=index, delta=delta(piece)) for piece in pieces],
        event("content_block_stop", index=index),
    ]


def delta(piece: str) -> dict[str, str]:
    return {"type": "input_json_delta", "partial_json": piece}


def cut(value: object, **more: Any) -> list[bytes]:
    """An answer in pieces of four characters."""
    text = value if isinstance(value, str) else json.dumps(value)
    return anthropic_events([text[i : i + 4] for i in range(0, len(text), 4)], **more)


def claude(server: LoopbackServer, **options: Any) -> Client:
    base_url, api_key = server.base_url.removesuffix("/v1"), options.pop("api_key", "k")
    client: Client = from_provider(MODEL, base_url=base_url, api_key=api_key, async_client=False, **options)
    return client


def aclaude(server: LoopbackServer, **options: Any) -> AsyncClient:
    base_url, api_key = server.base_url.removesuffix("/v1"), options.pop("api_key", "k")
    client: AsyncClient = from_provider(MODEL, base_url=base_url, api_key=api_key, async_client=True, **options)
    return client

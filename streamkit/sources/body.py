"""The bytes of a response's body, by the shortest way that its HTTP client has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Protocol

__all__ = ["Response", "areads", "reads"]


class Response(Protocol):
    """What is used of a response of httpx, or of another HTTP client with its names."""

    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def is_stream_consumed(self) -> bool: ...
    def iter_bytes(self) -> Iterator[bytes]: ...
    def iter_raw(self) -> Iterator[bytes]: ...
    def aiter_bytes(self) -> AsyncIterator[bytes]: ...
    def aiter_raw(self) -> AsyncIterator[bytes]: ...


def reads(response: Response) -> Iterator[bytes]:
    """What each read brings; what was encoded is decoded (RFC 9110, section 8.4)."""
    return response.iter_raw() if _is_plain(response) else response.iter_bytes()


def areads(response: Response) -> AsyncIterator[bytes]:
    """What each read brings, in the async world."""
    return response.aiter_raw() if _is_plain(response) else response.aiter_bytes()


def _is_plain(response: Response) -> bool:
    """Whether the body comes as it is, from the network: else the client decodes it, or has it in memory already."""
    return "content-encoding" not in response.headers and not response.is_stream_consumed

"""The bytes of a response's body, by the shortest way that its HTTP client has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Protocol

__all__ = ["Response", "areads", "reads"]


class Response(Protocol):
    """What is used of a response of httpx, or of another HTTP client with its names."""

    @property
    def headers(self) -> Mapping[str, str]: ...
    def iter_bytes(self) -> Iterator[bytes]: ...
    def iter_raw(self) -> Iterator[bytes]: ...
    def aiter_bytes(self) -> AsyncIterator[bytes]: ...
    def aiter_raw(self) -> AsyncIterator[bytes]: ...


def reads(response: Response) -> Iterator[bytes]:
    """What each read brings; what was encoded is decoded (RFC 9110, section 8.4)."""
    return response.iter_bytes() if _is_encoded(response) else response.iter_raw()


def areads(response: Response) -> AsyncIterator[bytes]:
    """What each read brings, in the async world."""
    return response.aiter_bytes() if _is_encoded(response) else response.aiter_raw()


def _is_encoded(response: Response) -> bool:
    """Whether there is anything to decode: where there is not, the client's decoders still cost a way through them."""
    return "content-encoding" in response.headers

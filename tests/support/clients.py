"""A client of a loopback server, for tests of the client."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from streamkit import from_provider
from streamkit.client import Client
from streamkit.testing import Answer, LoopbackServer

__all__ = ["MakeClient", "make_client"]


class MakeClient(Protocol):
    def __call__(self, *answers: Answer | Iterable[bytes], **options: Any) -> Client: ...


@pytest.fixture
def make_client() -> Iterator[MakeClient]:
    """A client of a server that gives certain answers."""
    with ExitStack() as stack:

        def make(*answers: Answer | Iterable[bytes], **options: Any) -> Client:
            server = stack.enter_context(LoopbackServer(*answers))
            client: Client = from_provider("local/m", base_url=server.base_url, async_client=False, **options)
            return stack.enter_context(client)

        yield make

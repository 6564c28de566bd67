"""What the SDK's error does not say of a request that failed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from openai import APIConnectionError, APIStatusError, APITimeoutError

from streamkit.client.mode import Mode
from streamkit.client.request import Asked

__all__ = ["explained"]

_NOT_UNDERSTOOD = (400, 404, 422)


@contextmanager
def explained(asked: Asked, base_url: object) -> Generator[None]:
    """Add to an error of the SDK where the request went, and what it may be that the server does not know."""
    try:
        yield
    except APITimeoutError:
        raise
    except APIConnectionError as error:
        error.add_note(
            f"nothing answered at {base_url}: does a server run there, and is base_url whole, as in "
            "'http://localhost:8000/v1'?"
        )
        raise
    except APIStatusError as error:
        if error.status_code in _NOT_UNDERSTOOD:
            others = " or ".join(f"Mode.{mode.name}" for mode in (Mode.TOOLS, Mode.JSON) if mode is not asked.mode)
            error.add_note(
                f"asked at {base_url} in Mode.{asked.mode.name}: if the server does not know that, try mode={others}; "
                "if it does not know the address, base_url may lack its '/v1'"
            )
        raise

"""What the SDK's error does not say of a request that failed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from streamkit.client.mode import Mode
from streamkit.client.request import Asked
from streamkit.client.sdk_errors import sdk_errors

__all__ = ["explained"]

_NOT_UNDERSTOOD = (400, 404, 422)


@contextmanager
def explained(asked: Asked, base_url: object, *, ends: str = "/v1") -> Generator[None]:
    """Add to an error of the SDK where the request went, and what it may be that the server does not know.

    Args:
        asked: the request.
        base_url: where it went.
        ends: what a whole address ends with; "" where the SDK adds the version itself.
    """
    try:
        yield
    except sdk_errors("APITimeoutError"):
        raise
    except sdk_errors("APIConnectionError") as error:
        error.add_note(
            f"nothing answered at {base_url}: does a server run there, and is base_url whole, as in "
            f"'http://localhost:8000{ends}'?"
        )
        raise
    except sdk_errors("APIStatusError") as error:
        if getattr(error, "status_code", None) in _NOT_UNDERSTOOD:
            others = " or ".join(f"Mode.{mode.name}" for mode in (Mode.TOOLS, Mode.JSON) if mode is not asked.mode)
            address = f"may lack its {ends!r}" if ends else "may have a '/v1' too many"
            error.add_note(
                f"asked at {base_url} in Mode.{asked.mode.name}: if the server does not know that, try mode={others}; "
                f"if it does not know the address, base_url {address}"
            )
        raise

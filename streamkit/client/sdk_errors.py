"""What the SDKs raise: all are generated alike, so that one name stands for the same in each."""

from __future__ import annotations

import sys

__all__ = ["sdk_errors"]

_SDKS = ("openai", "anthropic")


def sdk_errors(name: str) -> tuple[type[Exception], ...]:
    """The exceptions of a name: `"APIStatusError"`. An SDK that nobody has imported has raised nothing."""
    return tuple(getattr(sys.modules[sdk], name) for sdk in _SDKS if sdk in sys.modules)

"""Text of `{"value": ...}` -> the text of the value, as it comes.

A wrapper is asked for where what is wanted is no JSON object. Its end is left to `ignore_rest`; an answer
that has no wrapper passes as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamkit.flow import Reason, Stage

__all__ = ["unwrapped"]

_WRAPPER = re.compile(r'\s*\{\s*"value"\s*:')
_EXPECTED = '{"value":'


def unwrapped() -> Stage[str, str]:
    """Pass on what follows the beginning of the wrapper."""
    return Stage(_Unwrapped, "unwrapped")


class _Unwrapped:
    def __init__(self) -> None:
        self._kept: str | None = ""

    def feed(self, text: str, /) -> Sequence[str]:
        if self._kept is None:
            return (text,)
        text = (self._kept + text).lstrip()
        found = _WRAPPER.match(text)
        if found is None and _EXPECTED.startswith("".join(text.split())):
            self._kept = text
            return ()
        self._kept = None
        rest = text if found is None else text[found.end() :]
        return (rest,) if rest else ()

    def close(self, reason: Reason, /) -> Sequence[str]:
        return (self._kept,) if self._kept else ()

"""fenced: text around a JSON document in a Markdown fence -> the document's text, as it comes.

in    "Here it is:\\n``"   "`json\\n{"   '"a": 1}\\n```\\nDone.'
out                        "{"          '"a": 1}\\n```\\nDone.'      accumulate(ignore_rest=True) stops at the }
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamkit.flow import Reason, Stage

__all__ = ["fenced"]

_BEGINS = re.compile(r"\s*[{\[]")
_OPENING = re.compile(r"```[ \t]*\w*\s*(?=[{\[])")
_PERHAPS = re.compile(r"(?:`{1,2}|```[ \t]*(?:\w{0,32}\s{0,1024}))\Z")


def fenced() -> Stage[str, str]:
    """Pass on the text from the first object or array that opens a Markdown fence; what is before it is dropped.

    Text that begins with an object or array needs no fence. A fence around something else is passed by. What
    follows the document, the fence's end among it, is left to `accumulate(ignore_rest=True)`. Of the text
    before, only what may be the beginning of a fence is kept.
    """
    return Stage(_Fenced, "fenced")


class _Fenced:
    def __init__(self) -> None:
        self._inside = self._spoken = False
        self._kept = ""

    def feed(self, text: str, /) -> Sequence[str]:
        if self._inside:
            return (text,)
        text = self._kept + text
        if not self._spoken and _BEGINS.match(text):
            return self._enter(text)
        found = _OPENING.search(text)
        if found is not None:
            return self._enter(text[found.end() :])
        self._spoken = self._spoken or bool(text.strip())
        perhaps = _PERHAPS.search(text)
        self._kept = perhaps[0] if perhaps is not None else ""
        return ()

    def close(self, reason: Reason, /) -> Sequence[str]:
        return ()

    def _enter(self, text: str) -> Sequence[str]:
        self._inside, self._kept = True, ""
        return (text,)

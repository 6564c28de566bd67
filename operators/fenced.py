"""fenced: drop the text before a JSON document in a Markdown fence; emit the rest as it arrives.

in    "Here it is:\\n``"   "`json\\n{"   '"a": 1}\\n```\\nDone.'
out                        "{"          '"a": 1}\\n```\\nDone.'      accumulate(ignore_rest=True) stops at the }
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamkit.flow import Reason, Stage

__all__ = ["fenced"]

_DOCUMENT_START = re.compile(r"\s*[{\[]")
_FENCE = re.compile(r"```[ \t]*\w*\s*(?=[{\[])")
_SHOWN = 80
_PARTIAL_FENCE = re.compile(r"(?:`{1,2}|```[ \t]*(?:\w{0,32}\s{0,1024}))\Z")


def fenced() -> Stage[str, str]:
    """Emit text from the first object or array that starts a Markdown fence; drop the text before it.

    Text that starts with an object or array needs no fence. Fences with other content are skipped. The text after the
    document, with the end of the fence, is left to `accumulate(ignore_rest=True)`. Of the text before the document,
    only a possible start of a fence is buffered.
    """
    return Stage(_Fenced, "fenced")


class _Fenced:
    def __init__(self) -> None:
        self.said = ""  # the beginning of what was dropped, for the error of an answer without a document
        self._inside = self._seen_text = False
        self._buffer = ""

    def feed(self, text: str, /) -> Sequence[str]:
        if self._inside:
            return (text,)
        text = self._buffer + text
        if not self._seen_text and _DOCUMENT_START.match(text):
            return self._start(text)
        fence = _FENCE.search(text)
        if fence is not None:
            return self._start(text[fence.end() :])
        self._seen_text = self._seen_text or bool(text.strip())
        if len(self.said) < _SHOWN:
            self.said = (self.said + text[len(self._buffer) :]).lstrip()[:_SHOWN]
        partial = _PARTIAL_FENCE.search(text)
        self._buffer = partial[0] if partial is not None else ""
        return ()

    def close(self, reason: Reason, /) -> Sequence[str]:
        return ()

    def _start(self, text: str) -> Sequence[str]:
        self._inside, self._buffer, self.said = True, "", ""
        return (text,)

"""The machine behind `accumulate` and `validate`: text in, changes out, one honest end."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from streamkit.assembly.assembler import Assembler
from streamkit.changes.change import Change, End, Finish, Status, to_pointer
from streamkit.changes.endings import unfinished
from streamkit.errors import InvalidResult, StreamkitError
from streamkit.text.limits import Limits
from streamkit.text.scanner import Scanner

if TYPE_CHECKING:
    from streamkit.assembly.reading import Wanted
    from streamkit.flow import Reason
    from streamkit.schema.nodes import Node, OnInvalid

__all__ = ["TextMachine"]


class TextMachine:
    """Reads one JSON text, given in any pieces of `str` or `bytes`, along a tree of nodes.

    Args:
        node: the root's node.
        limits: what the text may not exceed.
        whole: let containers that arrive whole be read at once; off where numbers must keep their text.
        context: what validators find in `info.context`.
        on_invalid: what becomes of wrong values; `raise` stops at the first.
        least: leave out what changes nothing, as `diff` would.
        wanted: the paths whose values are asked for; others are told and let go. None keeps everything.
    """

    def __init__(  # one for each decision that a run may take
        self,
        node: Node,
        limits: Limits,
        *,
        context: object = None,
        whole: bool = True,
        on_invalid: OnInvalid = "emit",
        least: bool = False,
        wanted: Wanted | None = None,
    ) -> None:
        self.finished = False
        self.error: Exception | None = None
        self._assembler = Assembler(node, context=context, on_invalid=on_invalid, least=least, wanted=wanted)
        self._scanner = Scanner(self._assembler, limits, whole=whole)
        self._decoder: codecs.IncrementalDecoder | None = None  # made by the first bytes that come

    def feed(self, chunk: str | bytes, /) -> Sequence[Change]:
        """Read one more piece; bad text gives what came before it, and the `end`."""
        assembler = self._assembler
        try:
            if type(chunk) is not str or self._decoder is not None:
                chunk = self._decode(chunk)
            self._scanner.feed(chunk)
        except Exception as error:  # noqa: BLE001  # user code among it: whatever it raises is how the stream ends
            return self._fail(error)
        return assembler.take()

    def close(self, reason: Reason, /) -> Sequence[Change]:
        """Take the end of the text."""
        if self.finished:
            return ()
        if isinstance(reason, Exception):
            return self._end("failed", reason)
        if not isinstance(reason, Finish):
            return ()
        try:
            if self._decoder is not None and self._scanner.done:
                self._decode_end()
            if reason.reason != "length":
                self._scanner.end()
        except Exception as error:  # noqa: BLE001  # as in feed: a number at the root closes here
            return self._fail(error)
        return self._finish(reason)

    def _finish(self, finish: Finish) -> Sequence[Change]:
        errors = self._assembler.errors
        if self._scanner.done:
            if errors is None:
                return self._end("complete", None, finish)
            return self._end("invalid", InvalidResult(errors), finish)
        status, error = unfinished(finish, self._assembler.open_paths(), started=self._scanner.started)
        return self._end(status, error, finish)

    def _end(self, status: Status, error: Exception | None, finish: Finish | None = None) -> Sequence[Change]:
        self.finished = True
        if status == "failed":
            self.error = error
        if isinstance(error, StreamkitError) and error.partial is None:
            error.partial = self._assembler.so_far()
        out = [*self._assembler.take()]
        reason = finish.reason if finish is not None else None
        out.append(Change("end", (), End(status, self._assembler.open_paths(), error, reason)))
        return out

    def _fail(self, error: Exception) -> Sequence[Change]:
        if not isinstance(error, StreamkitError):
            undumped = self._assembler.undumped
            path, done = (self._assembler.where(inside=True), "read") if undumped is None else (undumped, "dumped")
            error.add_note(f"raised while {repr(to_pointer(path)) if path else 'the root'} was {done}")
        return self._end("failed", error)

    def _decode(self, chunk: object) -> str:
        if isinstance(chunk, str):
            self._decode_end()
            return chunk
        if not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise TypeError(f"a chunk of text is str or bytes, got {chunk!r:.80}{_hint(chunk)}")
        if self._decoder is None:
            self._decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            return self._decoder.decode(cast("bytes", chunk))
        except UnicodeDecodeError as error:
            self._scanner.feed(error.object[: error.start].decode())
            raise self._scanner.error_here(f"byte 0x{error.object[error.start]:02x} is not UTF-8") from None

    def _decode_end(self) -> None:
        """Make sure that the bytes so far end with a whole character."""
        pending = self._decoder.getstate()[0] if self._decoder is not None else b""
        if pending:
            raise self._scanner.error_here(f"byte 0x{pending[0]:02x} begins a UTF-8 character that was not finished")


def _hint(chunk: object) -> str:
    """For chunks of an SDK's stream: what takes the text out of them."""
    name = type(chunk).__name__
    if "ChatCompletion" in name:
        reader = "openai_chat"
    elif name.startswith("Response") and name.endswith("Event"):
        reader = "openai_responses"
    elif name.startswith(("RawMessage", "RawContentBlock")):
        reader = "anthropic_messages"
    else:
        return "; text is read once, where the pipeline begins" if isinstance(chunk, Change) else ""
    return f"; to read an SDK's stream, write streamkit.sources.{reader}(stream) | ..."

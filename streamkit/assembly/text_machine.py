"""`TextMachine`, the state machine behind `accumulate` and `validate`: text in, changes out, exactly one `end`.

`TextReader` holds its settings, so that later stages of a pipeline can change them.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from streamkit.assembly.assembler import Assembler
from streamkit.changes.change import Change, End, Finish, Status
from streamkit.changes.endings import cut_short, unfinished
from streamkit.errors import InvalidResult, StreamkitError, shown_path
from streamkit.flow import Stage
from streamkit.schema.nodes import ANY
from streamkit.text.limits import Limits
from streamkit.text.scanner import Scanner

if TYPE_CHECKING:
    from streamkit.assembly.state import Wanted
    from streamkit.flow import AnyStage, Reason
    from streamkit.schema.nodes import Node, OnInvalid

__all__ = ["TextMachine", "TextReader", "reader_before"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextReader:
    """The settings of a stage that reads text; such a stage carries them as its `reader`.

    Operators use this to run as one machine instead of several. When stages are composed, the `plan` of a stage gets
    the stages before it. If the last one has a reader, the plan can put a stage with other settings in its place:
    `validate(Model)` sets the node of its model, `diff()` adds itself to the name (one text repeats nothing),
    `completed(retain=False)` sets `wanted`. So
    `accumulate() | validate(Model) | diff()` parses the text once, along the model. After any other stage there is no
    text to read; then these operators run as machines of their own.

    Attributes:
        node: the root's node.
        limits: what the text must not exceed.
        name: the name of the stage, for error notes.
        model: the type that the node was compiled from; None without one.
        context: passed to validators as `info.context`.
        whole: read containers at once that arrive within one chunk; False where numbers must keep their text.
        on_invalid: what to do with invalid values; `raise` stops at the first.
        wanted: selects the paths whose values are kept; other values are emitted and then discarded. None keeps all.
    """

    node: Node
    limits: Limits
    name: str
    model: object = None
    context: object = None
    whole: bool = True
    on_invalid: OnInvalid = "emit"
    wanted: Wanted | None = None

    @property
    def typed(self) -> bool:
        """Whether it reads along a model; `accumulate()` alone does not."""
        return self.node is not ANY

    def machine(self) -> TextMachine:
        """Make a machine with these settings."""
        return TextMachine(
            self.node,
            self.limits,
            context=self.context,
            whole=self.whole,
            on_invalid=self.on_invalid,
            wanted=self.wanted,
        )

    def stage(self) -> Stage[str | bytes, Change[object]]:
        """Return a stage that reads text with these settings."""
        return Stage(self.machine, self.name, model=self.model, emits_changes=True, reader=self)


def reader_before(stages: Sequence[AnyStage]) -> TextReader | None:
    """Return the reader of the last of some stages; None if that does not read text."""
    reader = stages[-1].reader if stages else None
    return reader if isinstance(reader, TextReader) else None


class TextMachine:
    """Reads one JSON text, given in chunks of `str` or `bytes`, along a tree of nodes.

    Args:
        node: as for `TextReader`, like the other settings.
        limits: what the text must not exceed.
        context: passed to validators as `info.context`.
        whole: read containers at once that arrive within one chunk.
        on_invalid: what to do with invalid values.
        wanted: selects the paths whose values are kept.
    """

    def __init__(
        self,
        node: Node,
        limits: Limits,
        *,
        context: object = None,
        whole: bool = True,
        on_invalid: OnInvalid = "emit",
        wanted: Wanted | None = None,
    ) -> None:
        self.finished = False
        self.error: Exception | None = None
        self._assembler = Assembler(node, context=context, on_invalid=on_invalid, wanted=wanted)
        self._scanner = Scanner(self._assembler, limits, whole=whole)
        self._decoder: codecs.IncrementalDecoder | None = None  # made when the first bytes arrive

    def feed(self, chunk: str | bytes, /) -> Sequence[Change]:
        """Read one more chunk. Invalid text returns the changes before it, then the `end`."""
        assembler = self._assembler
        try:
            if type(chunk) is not str or self._decoder is not None:
                chunk = self._decode(chunk)
            self._scanner.feed(chunk)
        except Exception as error:  # noqa: BLE001  # user code runs here, too: whatever it raises ends the stream
            return self._fail(error)
        return assembler.take()

    def close(self, reason: Reason, /) -> Sequence[Change]:
        """End the text: return the last changes and the `end`."""
        if self.finished:
            return ()
        if isinstance(reason, Exception):
            return self._end("failed", reason)
        if not isinstance(reason, Finish):
            return ()
        try:
            if not (self._scanner.in_string or self._scanner.ignores_rest):
                self._check_last_character()  # in a string, the rest of the character was cut off with it
            self._scanner.end(cut=cut_short(reason))
        except Exception as error:  # noqa: BLE001  # as in feed: a number at the root is validated here
            return self._fail(error)
        return self._finish(reason)

    def _finish(self, finish: Finish) -> Sequence[Change]:
        errors = self._assembler.errors
        if self._scanner.done and finish.ended:
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
            undumped = self._assembler.dump_failed_at
            path, done = (self._assembler.where(inside=True), "read") if undumped is None else (undumped, "dumped")
            error.add_note(f"raised while {repr(shown_path(path)) if path else 'the root'} was {done}")
        return self._end("failed", error)

    def _decode(self, chunk: object) -> str:
        if isinstance(chunk, str):
            self._check_last_character()
            return chunk
        if not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise TypeError(f"expected a chunk of text as str or bytes, got {chunk!r:.80}{_hint(chunk)}")
        if self._decoder is None:
            self._decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            return self._decoder.decode(cast("bytes", chunk))
        except UnicodeDecodeError as error:
            self._scanner.feed(error.object[: error.start].decode())
            raise self._scanner.error_here(f"byte 0x{error.object[error.start]:02x} is not UTF-8") from None

    def _check_last_character(self) -> None:
        """Make sure that the bytes so far end with a complete character."""
        pending = self._decoder.getstate()[0] if self._decoder is not None else b""
        if pending:
            raise self._scanner.error_here(f"byte 0x{pending[0]:02x} starts an incomplete UTF-8 character")


def _hint(chunk: object) -> str:
    """For the chunks of an SDK's stream: how to get the text out of them."""
    name = type(chunk).__name__
    if "ChatCompletion" in name:
        source = "openai_chat"
    elif name.startswith("Response") and name.endswith("Event"):
        source = "openai_responses"
    elif name.startswith(("RawMessage", "RawContentBlock")):
        source = "anthropic_messages"
    else:
        return "; text is read once, where the pipeline begins" if isinstance(chunk, Change) else ""
    return f"; to read an SDK's stream, write streamkit.sources.{source}(stream) | ..."

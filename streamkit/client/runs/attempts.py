"""`Attempts`: all attempts at one answer, without I/O: pieces of text in, one stream of changes out.

    begin   feed feed ... end     begin    feed feed ... end
            changes ......reset            changes ..... end

Every attempt has fresh machines. What later ones say goes through one `diff`, which knows what the
subscriber has, so that only what differs is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from streamkit.changes.change import Change, End, Finish, Status, is_verdict
from streamkit.client.request import Asked
from streamkit.client.retries.retry import Retries, asked_again
from streamkit.client.runs.unwrapped import unwrapped
from streamkit.errors import (
    Attempt,
    EmptyAnswer,
    InvalidResult,
    JsonSyntaxError,
    RetriesExhausted,
    StreamkitError,
    UnknownTool,
)
from streamkit.operators import accumulate, diff, fenced, validate
from streamkit.sources.answer import Answer, Piece, Slot

if TYPE_CHECKING:
    from streamkit.flow import Fused, Pipeline, Reason

__all__ = ["Attempts", "Cancelled", "Reads", "pipeline_for"]

ModelT = TypeVar("ModelT")

_ASK_FOR_A_FENCE = (
    "the model answered with other text than JSON: ask with mode=Mode.MD_JSON, which reads JSON in a Markdown fence"
)
_NO_GRAMMAR = "the model answered with other text than JSON: ask in another mode, or another model"
_SHOWN = 200  # characters of what came instead of an answer, for the error


class Cancelled(StreamkitError):
    """The run was cancelled."""


@dataclass(frozen=True)
class Reads:
    """How an answer is to be read.

    Attributes:
        context: what validators find in `info.context`.
        strict: as in `Model.model_validate_json`.
        abort_on_invalid: the first value that is wrong ends the attempt.
    """

    context: object = None
    strict: bool | None = None
    abort_on_invalid: bool = False


class Attempts(Generic[ModelT]):
    """Reads one attempt after the other.

    Args:
        model: what is wanted.
        asked: the first request.
        retries: whether there is to be another.
        reads: how the answer is to be read.

    Attributes:
        asked: the request for the attempt to come, or that is being read.
        answer: what the provider says of the current attempt.
        over: the attempts that have ended.
        texts: the answer's text in the current attempt, piece by piece.
        reasoning: the same of its reasoning.
        chunks: how many pieces of the answer's text have come, in all attempts.
        stop: nothing more is wanted of the current attempt.
        wait: seconds to the next attempt, once one has ended; None if there is none.
        error: what is to be raised once everything was delivered.
    """

    def __init__(self, model: type[ModelT], asked: Asked, retries: Retries, reads: Reads) -> None:
        self.asked, self.answer = asked, Answer()
        self.over: list[Attempt] = []
        self.texts: list[str] = []
        self.reasoning: list[str] = []
        self.chunks = 0
        self.stop = False
        self.wait: float | None = None
        self.error: Exception | None = None
        self._first, self._retries, self._abort_on_invalid = asked, retries, reads.abort_on_invalid
        self._pipeline = pipeline_for(model, asked, reads, least=not retries.wanted)
        self._diff = diff().start() if retries.wanted else None
        self._machine: Fused | None = None
        self._end: End | None = None
        self._place: Slot | None = None
        self._instead = ""

    @property
    def text(self) -> str:
        """What the model has said in the current attempt."""
        return "".join(self.texts)

    def begin(self, answer: Answer) -> None:
        """Take the stream of the next attempt."""
        self.answer, self.texts, self.reasoning = answer, [], []
        self.stop, self.wait, self._end, self._instead = False, None, None, ""
        self._place = None if self.asked.mode.calls_tools else (0, "content")
        self._machine = self._pipeline.start()
        self._feed = self._machine.item_feeder()

    def feed(self, pieces: Sequence[Piece]) -> Sequence[Change[ModelT]]:
        """Read pieces of the answer."""
        if len(pieces) == 1 and pieces[0][0] == self._place:
            text = pieces[0][1]
            self.chunks += 1
        else:
            text = self._mine(pieces)
        if not text:
            return ()
        self.texts.append(text)
        batch: Any = self._feed(text)
        if not batch:
            return ()
        if batch[-1][0] == "end":
            batch = self._hold_end(batch)
        if self._abort_on_invalid:
            batch = self._abort(batch)
        return batch if self._diff is None else self._told(batch)

    def end(self, reason: Reason) -> Sequence[Change[ModelT]]:
        """Take the end of the attempt; what comes out ends with an `end`, or with a `reset` if another follows."""
        if isinstance(reason, Cancelled):
            batch = self._leave("cancelled", reason)
        else:
            batch = [*self._no_arguments(reason), *self._close(reason)]
        end = cast("End", self._end)
        error = self._said_better(end.error)
        finish = self.answer.finish()
        self.over.append(Attempt(self.text, error, finish.usage, finish.reason, self.answer.id))
        if isinstance(error, Exception):
            self.wait = self._retries.after(error)
            if self.wait is not None:
                self.asked = asked_again(self._first, error, self.text, self.answer.calls.get(self._place or (0, 0)))
                return self._told([*batch, Change("reset", (), str(error))])
            error = self._all(error)
        if end.status == "failed":
            self.error = error
        return self._told([*batch, Change("end", (), end._replace(error=error))])

    def give_up(self, error: Exception) -> Sequence[Change[ModelT]]:
        """Take it that the next attempt could not even be begun; another may follow it all the same."""
        self.wait = None
        if isinstance(error, Cancelled):
            return self._told([Change("end", (), End("cancelled", error=error))])
        self.over.append(Attempt("", error))
        self.wait = self._retries.after(error)
        if self.wait is not None:
            return self._told([Change("reset", (), str(error))])
        self.error = self._all(error)
        return self._told([Change("end", (), End("failed", error=self.error))])

    def _mine(self, pieces: Sequence[Piece]) -> str:
        mine: list[str] = []
        for place, text in pieces:
            if self._place is None and place[1].__class__ is int:
                self._place = place  # the first call is the one
                if self._is_unknown(place):
                    break
            if place == self._place:
                mine.append(text)
            elif place[1] == "reasoning":
                self.reasoning.append(text)
            elif place[1] != "refusal" and len(self._instead) < _SHOWN:
                self._instead += text[:_SHOWN]
        self.chunks += len(mine)
        return "".join(mine)

    def _is_unknown(self, place: Slot) -> bool:
        """End the attempt if the model called a tool that it was not offered: its arguments are not the document."""
        name, offered = self.answer.calls[place].name, self.asked.tool_names
        if name is None or name in offered:
            return False
        known = ", ".join(map(repr, sorted(offered)))
        error = UnknownTool(f"the model called {name!r:.80}, which is none of the tools: {known}")
        self._end, self.stop = End("failed", error=error), True
        return True

    def _no_arguments(self, reason: Reason) -> Sequence[Change]:
        """A call without any text is one without arguments, unless it was cut off."""
        place = next((place for place in self.answer.calls if place[0] == 0), None)
        if place is None or self.texts or not self.asked.mode.calls_tools or not isinstance(reason, Finish):
            return ()
        if self._end is not None or not self.answer.is_whole() or self._is_unknown(place):
            return ()
        self._place = place
        self.texts.append("{}")
        return self._hold_end(cast("Any", self._feed)("{}"))

    def _told(self, batch: Sequence[Change]) -> Sequence[Change[ModelT]]:
        if self._diff is not None:
            batch = cast("Sequence[Change]", self._diff.feed_batch(batch))
        return cast("Sequence[Change[ModelT]]", batch)

    def _hold_end(self, batch: Sequence[Change]) -> Sequence[Change]:
        """Whether the end of an attempt is the end of all is decided later."""
        if batch and batch[-1].op == "end":
            self._end = cast("End", batch[-1].value)
            self.stop = True
            return batch[:-1]
        return batch

    def _abort(self, batch: Sequence[Change]) -> Sequence[Change]:
        """Leave at the first value that is wrong, unless it is the whole document that is."""
        wrong = next((at for at, change in enumerate(batch) if change.op == "invalid" and is_verdict(change)), None)
        if wrong is None or self._end is not None:
            return batch
        error = InvalidResult(cast("Any", batch[wrong].value), path=batch[wrong].path)
        error.whole = False
        return [*batch[: wrong + 1], *self._leave("invalid", error)]

    def _leave(self, status: Status, error: Exception) -> Sequence[Change]:
        """End the attempt for a reason of our own."""
        batch = self._close(StreamkitError("left"))
        self._end = cast("End", self._end)._replace(status=status, error=error)
        return batch

    def _close(self, reason: Reason) -> Sequence[Change]:
        if self._end is not None:
            return ()
        return self._hold_end(cast("Sequence[Change]", cast("Fused", self._machine).close(reason)))

    def _said_better(self, error: Exception | None) -> Exception | None:
        """An empty answer is not quite empty where something else came."""
        if isinstance(error, JsonSyntaxError) and "fenced()" in error.advice:
            # Its advice is for a pipeline; a client's user has none.
            return error.with_advice(_NO_GRAMMAR if self.asked.fenced else _ASK_FOR_A_FENCE)
        said = self.text.strip() or self._instead.strip()
        if not isinstance(error, EmptyAnswer) or not said:
            return error
        lacks = "the model called no tool" if self.asked.mode.calls_tools else "there is no JSON document in the answer"
        better = EmptyAnswer(f"{lacks}; it said {said[:_SHOWN]!r}")
        better.partial, better.finish_reason = error.partial, error.finish_reason
        return better

    def _all(self, error: Exception) -> Exception:
        """What a run ends with that may have had several attempts."""
        if len(self.over) == 1 or isinstance(error, Cancelled):
            return error
        exhausted = RetriesExhausted(self.over)
        exhausted.__cause__ = error
        return exhausted


def pipeline_for(model: type[Any], asked: Asked, reads: Reads, *, least: bool) -> Pipeline[Any, Any]:
    """What reads the text of an answer; the least changes are told by it, or by a `diff` behind it."""
    pipeline: Pipeline[Any, Any] = accumulate(ignore_rest=True) | validate(
        model, context=reads.context, strict=reads.strict
    )
    if least:
        pipeline = pipeline | diff()
    if asked.wrapped:
        pipeline = unwrapped() | pipeline
    return fenced() | pipeline if asked.fenced else pipeline

"""`Branches`: an answer that has several documents in it, without I/O: each choice, or each tool call, is one.

in    ((0, 0), '{"city"'), ((0, 1), '{"que'), ((0, 0), ': "Oslo"}') ...
out   (Weather #0, add ""), (Search #1, add ""), (Weather #0, add /city "Oslo") ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast

from streamkit.client.attempts import Cancelled, Reads, pipeline_for
from streamkit.client.request import Asked
from streamkit.errors import Attempt, EmptyAnswer, StreamkitError, Truncated
from streamkit.events import Change, End, Finish
from streamkit.schema.compile import compile_type
from streamkit.sources.answer import Answer, Called, Piece, Place
from streamkit.typed_fold import TypedFold

if TYPE_CHECKING:
    from streamkit.flow import Reason

__all__ = ["Branch", "BranchChange", "Branches"]

ModelT = TypeVar("ModelT")

_SHOWN = 200


class Branch(Generic[ModelT]):
    """One document of an answer.

    Attributes:
        choice: which of the `n` answers, from 0.
        call: which tool call of it, by the provider's index; None for the message itself.
        name: the tool that is called.
        id: the provider's id of the call.
        response_model: the type that is streamed; None for a call of a tool that was not offered.
        end: how it ended; None before.
    """

    def __init__(self, place: Place, called: Called, model: type[ModelT] | None) -> None:
        choice, part = place
        self.choice, self.call = choice, part if isinstance(part, int) else None
        self.name, self.id, self.response_model = called.name, called.id, model
        self.end: End | None = None
        self._fold = TypedFold(compile_type(model if model is not None else object))
        self._value: list[ModelT] = []

    def __repr__(self) -> str:
        call = "" if self.call is None else f", call={self.call}, name={self.name!r}"
        return f"Branch(choice={self.choice}{call})"

    @property
    def partial(self) -> ModelT | None:
        """What has come so far: a `Partial`, the result itself once it is complete; None before anything."""
        return cast("ModelT | None", self._fold.snapshot())

    def result(self) -> ModelT:
        """The validated model.

        Raises:
            StreamkitError: the document did not end `complete`, or has not ended; `.partial` has what had arrived.
        """
        if self.end is None:
            raise StreamkitError(f"{self!r} has not ended: read the run to its end first")
        if self.end.status != "complete" and self.end.error is not None:
            raise self.end.error
        return self._value[0]

    def take(self, change: Change) -> None:
        """Fold a change of this document."""
        if change.op != "end":
            self._fold.apply(change)
            if change.op == "complete" and not change.path:
                self._value = [cast("ModelT", change.value)]
            return
        self.end = cast("End", change.value)
        if isinstance(self.end.error, StreamkitError):
            self.end.error.partial = self.partial


class BranchChange(NamedTuple, Generic[ModelT]):
    """A change, and which document it belongs to."""

    branch: Branch[ModelT]
    change: Change


class Branches(Generic[ModelT]):
    """Reads all documents of one answer at once; drives as `Attempts` does, but there is one attempt.

    Args:
        asked: the request.
        models: the type of each tool, by its name; or, for choices, one type under the name None.
        reads: how the answer is to be read.
    """

    def __init__(self, asked: Asked, models: Mapping[str | None, type[ModelT]], reads: Reads) -> None:
        self.asked, self.answer = asked, Answer()
        self.over: list[Attempt] = []
        self.stop = False
        self.wait: float | None = None
        self.error: Exception | None = None
        self.branches: dict[Place, Branch[ModelT]] = {}
        self._models = models
        self._pipelines = {name: pipeline_for(model, asked, reads, least=True) for name, model in models.items()}
        self._feeds: dict[Place, Any] = {}
        self._machines: dict[Place, Any] = {}
        self._said = ""

    def begin(self, answer: Answer) -> None:
        """Take the stream of the answer."""
        self.answer = answer

    def feed(self, pieces: Sequence[Piece]) -> Sequence[BranchChange[ModelT]]:
        """Read pieces of the answer."""
        out: list[BranchChange[ModelT]] = []
        for place, text in pieces:
            if isinstance(place[1], int) if None not in self._models else self._is_document(place):
                out += self._feed(place, text)
            elif place[1] == "content" and len(self._said) < _SHOWN:
                self._said += text[:_SHOWN]
        return out

    def end(self, reason: Reason) -> Sequence[BranchChange[ModelT]]:
        """Take the end of the answer: every document ends."""
        out: list[BranchChange[ModelT]] = []
        if isinstance(reason, Finish):
            # A call without any text is one without arguments.
            for place in [each for each in self.answer.calls if each not in self.branches]:
                if None not in self._models:
                    out += self._feed(place, "{}")
        for place, branch in self.branches.items():
            if branch.end is None:
                out += self._close(place, branch, reason)
        self.over.append(Attempt("", reason if isinstance(reason, Exception) else None, self.answer.usage))
        self.error = reason if isinstance(reason, Exception) and not isinstance(reason, Cancelled) else None
        if isinstance(reason, Finish):
            self.error = self._missing(reason)
        return out

    def give_up(self, error: Exception) -> Sequence[BranchChange[ModelT]]:
        """Take it that the one attempt was cancelled before it was begun."""
        return self.end(error)

    def _missing(self, finish: Finish) -> StreamkitError | None:
        """What no branch can tell of: that there is none, or that there may have been more."""
        if finish.reason is None and not self.answer.closed:
            return Truncated("the stream ended without a word that it did: there may have been more calls")
        wanted = self._wanted()
        if self.branches and len(self.branches) < wanted:
            came = ", ".join(str(branch.choice) for branch in self.branches.values())
            return Truncated(f"{wanted} answers were asked for, and only these came: {came} (see run.branches)")
        if self.branches:
            return None
        said = f"; it said {self._said[:_SHOWN]!r}" if self._said else ""
        return EmptyAnswer(f"the model {'answered' if None in self._models else 'called'} nothing{said}")

    def _wanted(self) -> int:
        """How many documents there are to be, at least."""
        n = self.asked.arguments.get("n")
        return n if isinstance(n, int) and None in self._models else 1

    def _is_document(self, place: Place) -> bool:
        """Whether choices are read here: the message, or the first call."""
        return place[1] == (0 if self.asked.mode.calls_tools else "content")

    def _feed(self, place: Place, text: str) -> Sequence[BranchChange[ModelT]]:
        feed = self._feeds.get(place)
        if feed is None:
            if place in self.branches:
                return ()
            return self._open(place, text)
        return self._told(self.branches[place], cast("Sequence[Change]", feed(text)))

    def _open(self, place: Place, text: str) -> Sequence[BranchChange[ModelT]]:
        called = self.answer.calls.get(place, Called())
        name = None if None in self._models else called.name
        branch = self.branches[place] = Branch(place, called, self._models.get(name))
        if name not in self._pipelines:
            known = ", ".join(repr(each) for each in self._models)
            error = StreamkitError(f"the model called {name!r}, which is none of the tools: {known}")
            return self._told(branch, [Change("end", (), End("failed", error=error))])
        self._machines[place] = machine = self._pipelines[name].start()
        self._feeds[place] = machine.item_feeder()
        return self._feed(place, text)

    def _close(self, place: Place, branch: Branch[ModelT], reason: Reason) -> Sequence[BranchChange[ModelT]]:
        left = StreamkitError("left") if isinstance(reason, Cancelled) else reason
        finish = self.answer.finish(place[0])
        changes = cast("list[Change]", list(self._machines[place].close(finish if isinstance(left, Finish) else left)))
        if isinstance(reason, Cancelled):
            end = cast("End", changes[-1].value)
            changes[-1] = Change("end", (), end._replace(status="cancelled", error=reason))
        return self._told(branch, changes)

    def _told(self, branch: Branch[ModelT], changes: Sequence[Change]) -> Sequence[BranchChange[ModelT]]:
        for change in changes:
            branch.take(change)
        return [BranchChange(branch, change) for change in changes]

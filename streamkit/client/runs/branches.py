"""`Branches`: an answer that has several documents in it, without I/O: each choice, or each tool call, is one.

in    ((0, 0), '{"city"'), ((0, 1), '{"que'), ((0, 0), ': "Oslo"}') ...
out   (Weather #0, add ""), (Search #1, add ""), (Weather #0, add /city "Oslo") ...

An attempt is one answer, with all documents in it. If one of them fails, all are asked for again; a document of
the new attempt is laid over that of the same place (and tool) in the one before, so that only what differs is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from streamkit.changes.change import Change, End, Finish, is_verdict
from streamkit.changes.endings import cut_short
from streamkit.client.request import Asked
from streamkit.client.retries.reask import calls_again, choices_again
from streamkit.client.retries.retry import Retries, asked_again
from streamkit.client.runs.attempts import Cancelled, Reads, pipeline_for
from streamkit.client.runs.branch import Branch, BranchChange
from streamkit.client.runs.branch_document import BranchDocument
from streamkit.client.runs.missing import cut_between, no_word, nothing, too_few_calls, too_few_choices
from streamkit.errors import Attempt, InvalidResult, RetriesExhausted, StreamkitError, Truncated
from streamkit.operators import diff
from streamkit.sources.answer import Answer, Called, Piece, Slot

if TYPE_CHECKING:
    from streamkit.flow import Fused, Reason

__all__ = ["Branches"]

ModelT = TypeVar("ModelT")


class Branches(Generic[ModelT]):
    """Reads all documents of one answer at once, one attempt after the other; drives as `Attempts` does.

    Args:
        asked: the first request.
        models: the type of each tool, by its name; or, for choices, one type under the name None.
        retries: whether there is to be another attempt.
        reads: how the answer is to be read.

    Attributes:
        branches: all that have begun, in any attempt, by their place and tool.
        failure: why there are no results.

    The others are those of `Attempts`.
    """

    def __init__(self, asked: Asked, models: Mapping[str | None, type[ModelT]], retries: Retries, reads: Reads) -> None:
        self.asked, self.answer = asked, Answer()
        self.over: list[Attempt] = []
        self.stop = False
        self.wait: float | None = None
        self.error: Exception | None = None
        self.failure: Exception | None = None
        self.branches: dict[tuple[Slot, str | None], Branch[ModelT]] = {}
        self._first, self._models, self._retries = asked, models, retries
        self._abort_on_invalid = reads.abort_on_invalid
        self._pipelines = {
            name: pipeline_for(model, asked, reads, least=not retries.wanted) for name, model in models.items()
        }
        self._documents: dict[Slot, BranchDocument[ModelT]] = {}
        self._firsts: dict[int, Slot] = {}  # the first call of each choice
        self._diffs: dict[Branch[ModelT], Fused] = {}
        self._aborted: InvalidResult | None = None
        self._words: list[str] = []
        self._told_again = 0  # calls that the current request tells of, and asks for again

    @property
    def answered(self) -> Sequence[Branch[ModelT]]:
        """The branches of the current attempt, in the order in which they began in it."""
        return [document.branch for document in self._documents.values()]

    def begin(self, answer: Answer) -> None:
        """Take the stream of the next attempt."""
        self.answer, self._documents, self._firsts, self._words = answer, {}, {}, []
        self.stop, self.wait, self._aborted = False, None, None

    def feed(self, pieces: Sequence[Piece]) -> Sequence[BranchChange[ModelT]]:
        """Read pieces of the answer."""
        out: list[BranchChange[ModelT]] = []
        for place, text in pieces:
            if self.stop:
                break
            if self._is_document(place):
                out += self._read(place, text)
            elif place[1] == "content":
                self._words.append(text)
        return out

    def end(self, reason: Reason) -> Sequence[BranchChange[ModelT]]:
        """Take the end of the attempt: every document ends, or is reset if another attempt follows."""
        out = self._close_all(reason)
        ours = self._of_the_answer(reason)
        errors = [each for each in (ours, self._aborted) if each is not None] or self._of_documents()
        error = errors[0] if errors else None
        finish = self.answer.finish()
        self.over.append(Attempt(self._text(), error, finish.usage, finish.reason, self.answer.id))
        if isinstance(error, Cancelled) or error is None:
            self.failure = error
        else:
            self.wait = self._retries.after_all(errors)
            if self.wait is not None:
                self.asked = self._again(ours)
                return [*out, *self._reset(error)]
            self._fail(error, ours)
        return [*out, *self._ends(reason)]

    def give_up(self, error: Exception) -> Sequence[BranchChange[ModelT]]:
        """Take it that the next attempt could not even be begun; another may follow it all the same."""
        self._documents, self.wait = {}, None
        self.over.append(Attempt("", error))
        if isinstance(error, Cancelled):
            self.failure = error
            return self._ends(error)
        self.wait = self._retries.after(error)
        if self.wait is not None:
            return self._reset(error)
        self._fail(error, error)
        return self._ends(error)

    def _fail(self, error: Exception, ours: Exception | None) -> None:
        """There is no further attempt: that is told by `results`, and, if no branch can tell it, by the run itself."""
        self.failure = error
        if len(self.over) > 1:
            self.failure = RetriesExhausted(self.over)
            self.failure.__cause__ = error
            self.failure.partial = [branch.partial for branch in self.branches.values()]
        self.error = None if ours is None else self.failure

    def _of_documents(self) -> list[Exception]:
        said = [document.said.error for document in self._documents.values()]
        return [error for error in said if error is not None]

    def _of_the_answer(self, reason: Reason) -> Exception | None:
        """What no branch can tell of: that the stream broke, that there is none, or that there may have been more."""
        if isinstance(reason, Exception) or self._aborted is not None:
            return reason if isinstance(reason, Exception) else None
        finish = self.answer.finish()
        if finish.reason is None and not self.answer.closed:
            return no_word()
        if not self._documents:
            return nothing(finish, "".join(self._words), "answered" if None in self._models else "called")
        if None in self._models:
            return too_few_choices(self.asked.arguments.get("n"), [branch.choice for branch in self.answered])
        if self._of_documents():
            return too_few_calls(self._told_again, len(self._of_tools()))
        return cut_between(finish) or too_few_calls(self._told_again, len(self._of_tools()))

    def _of_tools(self) -> Sequence[Branch[ModelT]]:
        """What came, without calls of no tool."""
        return [branch for branch in self.answered if branch.response_model is not None]

    def _again(self, ours: Exception | None) -> Asked:
        """The request for the next attempt."""
        said = [document.said for document in self._documents.values()]
        words = "".join(self._words)
        if isinstance(ours, Truncated) and said:
            return self.asked
        self._told_again = len(self._of_tools()) if ours is None and None not in self._models else 0
        if ours is not None:
            return asked_again(self._first, ours, words, None)
        return choices_again(self._first, said) if None in self._models else calls_again(self._first, said, words)

    def _text(self) -> str:
        """What the model said in all documents, each from a line of its own."""
        return "\n".join(document.said.text for document in self._documents.values()) or "".join(self._words)

    def _is_document(self, place: Slot) -> bool:
        """Whether a place is read: any call; where choices are read, the message, or the first call."""
        if None in self._models and not self.asked.mode.calls_tools:
            return place[1] == "content"
        if not isinstance(place[1], int):
            return False
        return None not in self._models or self._firsts.setdefault(place[0], place) == place

    def _read(self, place: Slot, text: str) -> Sequence[BranchChange[ModelT]]:
        document = self._documents.get(place) or self._open(place)
        changes = document.read(text)
        if self._abort_on_invalid:
            wrong = next(
                (at for at, change in enumerate(changes) if change.op == "invalid" and is_verdict(change)), None
            )
            if wrong is not None:
                return self._abort(document, changes[: wrong + 1])
        return self._take(document, changes)

    def _open(self, place: Slot) -> BranchDocument[ModelT]:
        called = self.answer.calls.get(place, Called())
        name = None if None in self._models else called.name
        branch = self.branches.get((place, name))
        if branch is None:
            branch = self.branches[place, name] = Branch(place, called, self._models.get(name))
            if self._retries.wanted:
                self._diffs[branch] = diff().start()
        branch.id = called.id
        document = BranchDocument(place, called, branch, self._pipelines)
        self._documents[place] = document
        return document

    def _abort(self, document: BranchDocument[ModelT], changes: Sequence[Change]) -> Sequence[BranchChange[ModelT]]:
        """Leave at the first value that is wrong, in whichever document."""
        self.stop = True
        self._aborted = InvalidResult(cast("Any", changes[-1].value), path=changes[-1].path)
        self._aborted.whole = False
        out = [*self._take(document, changes), *self._take(document, document.leave("invalid", self._aborted))]
        return [
            *out,
            *self._close_all(Cancelled(f"left at the first value that is wrong: it was in {document.branch}")),
        ]

    def _close_all(self, reason: Reason) -> list[BranchChange[ModelT]]:
        out: list[BranchChange[ModelT]] = []
        if isinstance(reason, Finish) and not self.stop:
            out += self._without_text()
        for document in self._documents.values():
            if document.end is not None:
                continue
            if isinstance(reason, Cancelled):
                out += self._take(document, document.leave("cancelled", reason))
            else:
                finish = self.answer.finish(document.place[0]) if isinstance(reason, Finish) else reason
                out += self._take(document, document.close(finish))
        return out

    def _without_text(self) -> Sequence[BranchChange[ModelT]]:
        """Begin the documents of which no text came."""
        answer = self.answer
        out: list[BranchChange[ModelT]] = []
        last = {place[0]: place for place in answer.calls}
        for place in [each for each in answer.calls if each not in self._documents and self._is_document(each)]:
            document = self._open(place)
            # A call without any text is one without arguments, unless it was cut off.
            if place != last[place[0]] or answer.is_whole(place[0]):
                out += self._take(document, document.read("{}"))
        begun = {place[0] for place in self._documents}
        if None in self._models:
            # How a choice ended that says that it did not say all is told by its branch.
            for choice in answer.choices:
                if choice not in begun and cut_short(answer.finish(choice)):
                    self._open((choice, 0 if self.asked.mode.calls_tools else "content"))
        return out

    def _take(self, document: BranchDocument[ModelT], changes: Sequence[Change]) -> Sequence[BranchChange[ModelT]]:
        """Tell changes; an `end` only once it is known that no attempt follows."""
        if changes and changes[-1].op == "end":
            document.end = cast("End", changes[-1].value)
            if self._retries.wanted:
                changes = changes[:-1]
        return self._told(document.branch, changes)

    def _reset(self, error: Exception) -> Sequence[BranchChange[ModelT]]:
        change = Change("reset", (), str(error))
        return [each for branch in self.branches.values() for each in self._told(branch, [change])]

    def _ends(self, reason: Reason) -> Sequence[BranchChange[ModelT]]:
        """How each branch ends, those too that the last attempt did not come to."""
        ends = {document.branch: document.end for document in self._documents.values()}
        out: list[BranchChange[ModelT]] = []
        for branch in self.branches.values():
            if branch.end is None:
                end = ends.get(branch) or _not_again(branch, reason)
                out += self._told(branch, [Change("end", (), end)])
        return out

    def _told(self, branch: Branch[ModelT], changes: Sequence[Change]) -> Sequence[BranchChange[ModelT]]:
        least = self._diffs.get(branch)
        if least is not None:
            changes = cast("Sequence[Change]", least.feed_batch(changes))
        for change in changes:
            branch.take(change)
        return [BranchChange(branch, change) for change in changes]


def _not_again(branch: Branch[Any], reason: Reason) -> End:
    """The end of a branch that an earlier attempt began, and the last did not take up."""
    if isinstance(reason, Cancelled):
        return End("cancelled", error=reason)
    if isinstance(reason, Exception):
        return End("failed", error=reason)
    return End("failed", error=StreamkitError(f"{branch} was not in the last attempt: its answer stands without it"))

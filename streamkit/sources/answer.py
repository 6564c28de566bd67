"""`Answer`: what a provider says of an answer beside its text, and `Slot`: where in it a piece of text belongs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from streamkit.changes.change import Finish
from streamkit.changes.endings import cut_short

__all__ = ["Answer", "Called", "Piece", "Reader", "Slot"]

Slot: TypeAlias = tuple[int, int | Literal["content", "reasoning", "refusal"]]
"""Which of `n` choices, and what of it: the content, the reasoning, the refusal, or the tool call of that index."""

Piece: TypeAlias = tuple[Slot, str]
"""A place and more of its text, never empty."""


@dataclass(slots=True)
class Called:
    """A tool call, as the provider names it.

    Attributes:
        name: of the function; None as long as it has not come.
        id: what the answer to the call has to cite.
    """

    name: str | None = None
    id: str | None = None


class Answer:
    """One answer of a provider, as far as it has come; a reader fills it in.

    Attributes:
        id: the provider's id of the answer.
        model: the model that answers, by its own name.
        usage: token counts, by the provider's names for them.
        calls: the tool calls, by their place, in the order they appeared.
        closed: the server said that there is no more, by a `[DONE]`; or it cannot be known.
    """

    def __init__(self) -> None:
        self.id: str | None = None
        self.model: str | None = None
        self.usage: Mapping[str, object] | None = None
        self.calls: dict[Slot, Called] = {}
        self.closed = False
        self._reasons: dict[int, str] = {}
        self._refusals: dict[int, list[str]] = defaultdict(list)

    def finish(self, choice: int = 0) -> Finish:
        """How a choice ended, as far as the provider has told."""
        reason = self._reasons.get(choice)
        refusal = "".join(self._refusals.get(choice, ())) or None
        return Finish(reason, self.usage, refusal, ended=self.closed or reason is not None)

    def is_whole(self, choice: int = 0) -> bool:
        """Whether the provider has told that a choice ended, and does not say that it was cut."""
        return not cut_short(self.finish(choice))

    @property
    def choices(self) -> Sequence[int]:
        """The choices of which the provider has told how they ended, or that they are a refusal."""
        return sorted({*self._reasons, *self._refusals})

    def end(self, choice: int, reason: str) -> None:
        """Take the provider's word for why a choice ended."""
        self._reasons[choice] = reason

    def refuse(self, choice: int, text: str) -> None:
        """Take more of a refusal."""
        self._refusals[choice].append(text)


class Reader(Protocol):
    """Takes the events of one wire, as JSON objects, and gives the text in each, with its place."""

    answer: Answer

    def read(self, event: Mapping[str, object], /) -> Sequence[Piece]:
        """Read one event.

        Raises:
            ProviderError: it tells of an error.
        """
        ...

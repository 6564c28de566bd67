"""Streams of changes for the encoders of `streamkit.wire`, and what their readers must show after every frame.

From `tests/`, `python -m support.frames 100` prints as many streams as JSON, for readers in other languages:

    {"batches": [[{"op": "add", "path": [], "value": {}}, ...], ...],
     "frames": [[[0, [], {}], ...], ...],
     "states": [{"value": ..., "verdicts": [[path, "open" | "complete" | errors], ...], "end": ...}, ...],
     "late": {"after": 2, "frame": [{"snapshot": ...}]}}

`states` holds one state for each frame. A reader that begins with the frame of `late` continues with the frames behind
the first `after` ones.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, cast

from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from streamkit import Change, Document, End
from streamkit.changes.change import Dropped, Path, Status
from streamkit.changes.write_json import finite, plain_errors
from streamkit.operators import accumulate, diff, validate
from streamkit.sinks import to_json
from streamkit.wire import CompactEncoder
from support.flows import spread
from support.strategies import LAW, Case, cases, cut, sizes

__all__ = ["Batches", "cases_as_json", "read", "state", "streams", "told_streams", "wild_streams"]

Batches = list[list[Change[Any]]]


# -- streams that the library emits ----------------------------------------------------------------------


@st.composite
def told_streams(draw: st.DrawFn) -> Batches:
    """What `extract` emits of random models and texts: perhaps two attempts, perhaps joined late, by a snapshot."""
    case, lengths = draw(cases()), draw(sizes)
    on_invalid: Literal["emit", "drop"] = draw(st.sampled_from(["emit", "drop"]))
    first = draw(st.floats(0, 1))
    batches = _attempt(case, lengths, draw(st.sampled_from([first, 1.0])), on_invalid)
    if draw(st.booleans()):
        again = [Change[Any]("reset", (), "again")]
        batches = [*batches[:-1], batches[-1][:-1], again, *_attempt(case, lengths, first * 2, on_invalid)]
        batches = _gather(_flow(batches) | diff())
    if draw(st.booleans()):
        batches = _joined_late(batches, draw(st.integers(0, len(batches))))
    return batches


def _attempt(case: Case, lengths: Sequence[int], part: float, on_invalid: Literal["emit", "drop"]) -> Batches:
    text = case.text[: int(len(case.text) * part)]
    return _gather(cut(text, lengths) | accumulate() | validate(case.kind.tp, on_invalid=on_invalid) | diff())


def _flow(batches: Batches) -> Any:
    return cast("Any", batches) | spread()


def _gather(flow: Any) -> Batches:
    out: Batches = []
    found = iter(flow.batches())
    while True:
        try:
            out.append(list(next(found)))
        except StopIteration:
            return out
        except Exception:
            if not out or not out[-1] or out[-1][-1].op != "end":
                raise
            return out


def _joined_late(batches: Batches, at: int) -> Batches:
    """What a hub hands to a subscriber who joins after so many batches."""
    document = Document()
    for change in (change for batch in batches[:at] for change in batch):
        document.apply(change)
    end, document.end = document.end, None
    rest = [[Change[Any]("end", (), end)]] if end is not None else batches[at:]
    return [[Change("snapshot", (), document)], *rest]


# -- streams that only obey the fold ---------------------------------------------------------------------


class Stubborn:
    """An object that has no text."""

    def __repr__(self) -> str:
        return "Stubborn()"

    def __str__(self) -> str:
        raise RuntimeError("no")


class Shy(BaseModel):
    """A model, where JSON is expected."""

    name: str = "é\u2028"


_STATUSES: list[Status] = ["truncated", "refused", "failed", "cancelled", "invalid"]
_LOOP: list[object] = []
_LOOP.append(_LOOP)

KEYS = [
    "a",
    "b",
    "",
    "0",
    "1",
    "-",
    "a/b",
    "~",
    "~1",
    "é",
    "\u2028",
    "__proto__",
    "constructor",
    "prototype",
    "toString",
]
TEXTS = ["", "x", "yz", '"', "\n", "\r\n", "\u2028", "\u2029\x85", "😀", "\\", "é", "\x00"]
SCALARS = [0, -1, 5, 2**40, True, False, None, 1.5, -0.0, 1e300, float("inf"), float("nan")]
INPUTS = ["\ud800", b"\xff", b"ok", Shy(), Stubborn(), {1: {2}}, _LOOP, object, float("inf"), {"a": [None]}]


def _errors(dice: Random, path: Path) -> list[dict[str, object]]:
    return [
        {
            "type": "value_error",
            "loc": path,
            "msg": dice.choice(TEXTS),
            "input": dice.choice(INPUTS),
            "ctx": {"error": ValueError("no")},
        }
        for _ in range(dice.randrange(3))
    ]


@dataclass
class _Author:
    """Writes changes that fit a document, in any order that a fold allows."""

    dice: Random
    document: Document

    def write(self) -> Change[Any]:
        document, dice = self.document, self.dice
        paths = list(document.paths())
        if not paths:
            return Change("add", (), self._value())
        path = dice.choice(paths)
        value = document.get(path)
        writers: list[Callable[[], Change[Any]]] = [
            *[lambda: self._add(paths)] * 5,
            *[lambda: self._append(paths)] * 4,
            *[lambda: Change[Any]("complete", path, value)] * 4,
            lambda: Change("invalid", path, _errors(dice, path)),
            lambda: Change("replace", path, self._value()),
            lambda: self._remove(path),
            lambda: self._drop(paths),
            lambda: Change("add", path, self._value()),
        ]
        if dice.randrange(12) == 0:
            writers = [lambda: Change("reset", (), "again"), lambda: Change("snapshot", (), document.copy())]
        return dice.choice(writers)()

    def _value(self) -> object:
        return self.dice.choice([{}, {}, [], [], *TEXTS, self.dice.choice(SCALARS)])

    def _add(self, paths: list[Path]) -> Change[Any]:
        path = self.dice.choice([each for each in paths if isinstance(self.document.get(each), (dict, list))] or [()])
        value = self.document.get(path)
        if isinstance(value, list):
            return Change("add", (*path, len(cast("list[object]", value))), self._value())
        return Change("add", (*path, self.dice.choice(KEYS)) if isinstance(value, dict) else path, self._value())

    def _append(self, paths: list[Path]) -> Change[Any]:
        texts = [each for each in paths if isinstance(self.document.get(each), str)]
        if not texts:
            return self._add(paths)
        return Change("append", self.dice.choice(texts[-2:]), self.dice.choice(TEXTS))

    def _remove(self, path: Path) -> Change[Any]:
        siblings = self.document.get(path[:-1]) if path else None
        if isinstance(siblings, list):
            path = (*path[:-1], len(cast("list[object]", siblings)) - 1)
        return Change("remove", path)

    def _drop(self, paths: list[Path]) -> Change[Any]:
        lists = [each for each in paths if isinstance(self.document.get(each), list)]
        path = self.dice.choice(lists or [()])
        return Dropped("invalid", path, _errors(self.dice, path))


def wild_stream(dice: Random) -> Batches:
    """Changes that fit together, but obey no other law: any op at any path, keys that tempt JavaScript, odd errors."""
    document, batches = Document(), list[list[Change[Any]]]()
    author = _Author(dice, document)
    for _ in range(dice.randrange(1, 12)):
        batch: list[Change[Any]] = []
        for _ in range(dice.randrange(1, 7)):
            batch.append(author.write())
            document.apply(batch[-1])
        batches.append(batch)
    status = dice.choice(_STATUSES)
    batches.append([Change("end", (), End(status, document.open, ValueError("é\n"), dice.choice([None, "length"])))])
    return batches


wild_streams: st.SearchStrategy[Batches] = st.randoms(use_true_random=False).map(wild_stream)
streams: st.SearchStrategy[Batches] = st.one_of(told_streams(), wild_streams)


# -- what a reader shows ---------------------------------------------------------------------------------


def state(document: Document) -> dict[str, object]:
    """A document as JSON: its value, the verdict of each value, and its end."""
    verdicts: list[list[object]] = []
    for path in document.paths():
        found = document.state(path)
        verdicts.append([list(path), plain_errors(document.errors(path)) if found == "invalid" else found])
    end = document.end
    told = None if end is None else {**end._asdict(), "error": None if end.error is None else str(end.error)}
    return {"value": finite(document.value), "verdicts": verdicts, "end": told}


def read(batches: Batches) -> list[dict[str, object]]:
    """The state after each batch."""
    document, states = Document(), list[dict[str, object]]()
    for batch in batches:
        for change in batch:
            document.apply(change)
        states.append(state(document))
    return states


def _as_json(batches: Batches, after: int) -> dict[str, object]:
    encoder, document = CompactEncoder(), Document()
    frames: list[object] = []
    late: object = None
    for at, batch in enumerate(batches):
        if at == after:
            late = {"after": at, "frame": [encoder.snapshot(document)]}
        frames.append(encoder.items(batch))
        for change in batch:
            document.apply(change)
    told = [[_change(change) for change in batch] for batch in batches]
    return {"batches": told, "frames": frames, "states": read(batches), "late": late}


def _change(change: Change[Any]) -> object:
    if change.op == "invalid":
        change = type(change)("invalid", change.path, plain_errors(change.value))
    return json.loads(to_json(change))


def cases_as_json(count: int, first: int = 0) -> list[dict[str, object]]:
    """So many streams with frames and states, the same for the same arguments."""
    out: list[dict[str, object]] = []

    @seed(first)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=LAW.suppress_health_check,
    )
    @given(streams, st.integers(0, 6))
    def collect(batches: Batches, after: int) -> None:
        out.append(_as_json(batches, min(after, len(batches) - 1)))

    collect()
    return out


if __name__ == "__main__":
    json.dump(cases_as_json(int(sys.argv[1]) if len(sys.argv) > 1 else 100), sys.stdout)

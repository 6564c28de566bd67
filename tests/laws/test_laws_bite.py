"""The checkers bite: each law is broken on purpose, and the property that guards it must fail.

A mutation stands behind the real machine and spoils what it tells, or takes the place of a part of it.
The properties are the very ones of test_laws, test_cost and test_leaving.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

import pytest
from flow import test_leaving
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from laws import test_cost, test_laws
from support import law_3
from support.recorder import BrokenLaw, gather
from support.strategies import cases, sizes, styles, texts, trees

from streamkit.assembly import assembler
from streamkit.changes.change import Change, End
from streamkit.changes.document import Document
from streamkit.errors import JsonSyntaxError
from streamkit.flow import Pipeline, Reason, Stage, run
from streamkit.flow.result import ResultCollector
from streamkit.operators import accumulate, diff, validate
from streamkit.schema import builder
from streamkit.text import scanner
from streamkit.text.scanner import Scanner

Events = list[Change[object]]
Spoil = Callable[[Events], Iterable[Change[object]]]

TRIED = settings(
    max_examples=300,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


class Spoiled:
    """Passes on the changes of each chunk, spoiled."""

    def __init__(self, spoil: Spoil) -> None:
        self._spoil = spoil

    def feed_batch(self, changes: Sequence[Change[object]], /) -> Events:
        return [*self._spoil(list(changes))]

    def feed(self, change: Change[object], /) -> Events:
        return self.feed_batch([change])

    def close(self, reason: Reason, /) -> Events:
        return []


def behind(spoil: Spoil) -> Stage[Change[object], Change[object]]:
    return Stage(lambda: Spoiled(spoil), "spoiled")


def spoil_untyped(monkeypatch: pytest.MonkeyPatch, spoil: Spoil) -> None:
    monkeypatch.setattr(test_laws, "accumulate", lambda: accumulate() | behind(spoil))


def spoil_typed(monkeypatch: pytest.MonkeyPatch, spoil: Spoil) -> None:
    def spoiled(model: type[object]) -> Pipeline[Change[object], Change[object]]:
        return validate(model) | behind(spoil)

    monkeypatch.setattr(test_laws, "validate", spoiled)


def tried(law: Callable[..., None], *given_: st.SearchStrategy[Any]) -> Callable[[], None]:
    """A property of another file, tried anew: the first failure will do, and is not remembered."""
    inner = cast("Any", law).hypothesis.inner_test
    return cast("Callable[[], None]", seed(1)(TRIED(given(*given_)(inner))))


Kinds = tuple[type[Exception], ...]


def bites(law: Callable[[], None], words: str | None = None, *, kind: Kinds = (AssertionError,)) -> None:
    """The property must fail, and for the reason it is there for."""
    with pytest.raises(kind, match=words):
        law()


# -- the mutations: what a machine with a bug might do -------------------------------------------------------


def honest(events: Events) -> Iterator[Change[object]]:
    yield from events


def drop(op: str) -> Spoil:
    return lambda events: [change for change in events if change.op != op]


def double(op: str) -> Spoil:
    return lambda events: [twin for change in events for twin in ([change] * (1 + (change.op == op)))]


def backwards(events: Events) -> Events:
    return events[::-1]


def rewrite(op: str, value: Callable[[Any], object]) -> Spoil:
    return lambda events: [
        change._replace(value=value(change.value)) if change.op == op else change for change in events
    ]


def merge_the_chunk(events: Events) -> Events:
    """Say of a chunk only what was added last."""
    return events[-1:]


def fill_containers(events: Events) -> Events:
    return [
        change._replace(value={"filled": 1}) if change.op == "add" and change.value == {} else change
        for change in events
    ]


def empty_appends(events: Events) -> Iterator[Change[object]]:
    for change in events:
        yield change
        if change.op == "add" and isinstance(change.value, str):
            yield Change("append", change.path, "")


def numbers_flicker(events: Events) -> Iterator[Change[object]]:
    """`5` before `50000`."""
    for change in events:
        if change.op == "add" and type(change.value) is int and change.value > 9:
            yield change._replace(value=change.value // 10)
            yield change._replace(op="replace")
        else:
            yield change


def parents_close_first(events: Events) -> Events:
    return sorted(events, key=lambda change: len(change.path) if change.op == "complete" else 0)


def text_after_verdict(events: Events) -> Iterator[Change[object]]:
    for change in events:
        yield change
        if change.op == "complete" and isinstance(change.value, str):
            yield Change("append", change.path, "more")


def indexes_from_one(events: Events) -> Iterator[Change[object]]:
    for change in events:
        yield change._replace(path=tuple(key + 1 if isinstance(key, int) else key for key in change.path))


def always_complete(events: Events) -> Events:
    return [change._replace(value=End("complete")) if change.op == "end" else change for change in events]


def nothing_open(events: Events) -> Events:
    return [
        change._replace(value=cast("End", change.value)._replace(open=())) if change.op == "end" else change
        for change in events
    ]


def wrong_and_complete(events: Events) -> Events:
    return [
        change._replace(op="invalid", value=[]) if change.op == "complete" and change.path else change
        for change in events
    ]


STATIC = {
    "law 2: no parents": (drop("add"), "law [24]"),
    "law 2: twice added": (double("add"), "law 2"),
    "law 2: backwards": (backwards, "law [246]"),
    "law 2: containers filled": (fill_containers, "law 2"),
    "law 2: indexes from one": (indexes_from_one, "law 2"),
    "law 2: chunks merged": (merge_the_chunk, "law [246]"),
    "law 3: empty appends": (empty_appends, "law 3"),
    "law 3: numbers flicker": (numbers_flicker, "law 3"),
    "law 3: what is no JSON": (rewrite("add", lambda value: object()), "law 2"),
    "law 4: no verdicts": (drop("complete"), "law [46]"),
    "law 4: two verdicts": (double("complete"), "law 4"),
    "law 4: parents close first": (parents_close_first, "law [24]"),
    "law 4: grows after its verdict": (text_after_verdict, "law 4"),
    "law 4: complete around wrong": (wrong_and_complete, "law 4"),
    "law 6: no end": (drop("end"), "law 6"),
    "law 6: two ends": (double("end"), "law 6"),
}


UNTYPED_STATIC = tried(test_laws.test_untyped_events_keep_the_static_laws, trees(), styles, sizes)
TYPED_STATIC = tried(test_laws.test_typed_events_keep_the_static_laws, cases(spoiled=False), sizes)


@pytest.mark.parametrize("name", STATIC)
def test_the_static_laws_bite(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    spoil, words = STATIC[name]
    spoil_untyped(monkeypatch, spoil)
    bites(UNTYPED_STATIC, words)


@pytest.mark.parametrize("name", STATIC)
def test_the_static_laws_bite_typed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    spoil, words = STATIC[name]
    spoil_typed(monkeypatch, spoil)
    bites(TYPED_STATIC, words)


def test_the_static_laws_hold_of_an_honest_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_untyped(monkeypatch, honest)
    UNTYPED_STATIC()


TRUNCATED = tried(test_laws.test_a_text_that_just_ends_is_truncated, cases(), sizes, st.data())


@pytest.mark.parametrize(("spoil", "words"), [(always_complete, "looks finished"), (nothing_open, "open should be")])
def test_law_6_bites_on_truncated_text(monkeypatch: pytest.MonkeyPatch, spoil: Spoil, words: str) -> None:
    spoil_untyped(monkeypatch, spoil)
    bites(TRUNCATED, words)


def test_an_error_that_is_raised_without_an_end_is_caught() -> None:
    with pytest.raises(BrokenLaw, match="law 6"):
        gather(["[1, !"] | accumulate() | behind(drop("end")))


# -- laws 1, 4 and 9: scanners with bugs ---------------------------------------------------------------------------


NUMBER = cast("int", vars(scanner)["_NUMBER"])


class EagerScanner(Scanner):
    """Takes the end of a piece for the end of a number."""

    def feed(self, piece: str) -> None:
        super().feed(piece)
        if self._state == NUMBER:
            super().feed(" ")


class ForgetfulScanner(Scanner):
    """Loses an escape, or a literal, that was begun at the end of a piece."""

    def feed(self, piece: str) -> None:
        self._tail = ""
        super().feed(piece)


class LateScanner(Scanner):
    """Does not close a string before the character behind its quote has come."""

    __slots__ = ("kept",)

    def feed(self, piece: str) -> None:
        piece = getattr(self, "kept", "") + piece
        late = piece.endswith('"')
        self.kept = '"' if late else ""
        super().feed(piece[:-1] if late else piece)

    def end(self, *, cut: bool = False) -> None:
        super().feed(getattr(self, "kept", ""))
        super().end(cut=cut)


class LinelessScanner(Scanner):
    """Does not count lines."""

    def _lines(self, piece: str, i: int, j: int) -> None:
        pass


CUTS = tried(test_laws.test_untyped_events_do_not_depend_on_the_cuts, texts, sizes, st.booleans())
TYPED_CUTS = tried(test_laws.test_typed_events_do_not_depend_on_the_cuts, cases(spoiled=False), sizes, st.booleans())
DIFFED_CUTS = tried(
    test_laws.test_after_diff_the_verdicts_and_the_document_at_each_do_not_depend_on_the_cuts,
    cases(spoiled=False),
    sizes,
    st.booleans(),
)
TIMED = tried(test_laws.test_untyped_at_every_character_all_that_is_certain_is_told, trees(6), styles)
TYPED_TIMED = tried(
    test_laws.test_typed_at_every_character_all_that_is_certain_is_told, cases(later=False, spoiled=False)
)
PLACED = tried(test_laws.test_an_error_says_where_it_happened, trees(), styles, st.data(), sizes)


@pytest.mark.parametrize(
    ("mutant", "law"),
    [
        (EagerScanner, CUTS),
        (EagerScanner, TYPED_CUTS),
        (ForgetfulScanner, CUTS),
        (ForgetfulScanner, TYPED_CUTS),
        (ForgetfulScanner, DIFFED_CUTS),
        (EagerScanner, TIMED),
        (LateScanner, TIMED),
        (LateScanner, TYPED_TIMED),
        (LinelessScanner, PLACED),
    ],
)
def test_a_scanner_with_a_bug_is_found(
    monkeypatch: pytest.MonkeyPatch, mutant: type[Scanner], law: Callable[[], None]
) -> None:
    monkeypatch.setattr("streamkit.assembly.text_machine.Scanner", mutant)
    bites(law, kind=(AssertionError, JsonSyntaxError))


def test_diff_that_loses_a_verdict_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_laws, "diff", lambda: diff() | behind(drop("complete")))
    bites(DIFFED_CUTS)


# -- law 5 -----------------------------------------------------------------------------------------------------------

FOLDS: dict[str, Spoil] = {
    "pieces lost": drop("append"),
    "numbers as text": rewrite("add", lambda value: str(value) if type(value) is int else value),
    "true as 1": rewrite("add", lambda value: 1 if value is True else value),
    "text cleaned": rewrite("append", lambda text: text.upper()),
}
FOLDED = tried(test_laws.test_untyped_folding_is_parsing, texts, sizes, st.booleans())
TYPED_FOLDED = tried(test_laws.test_typed_folding_is_validating, cases(spoiled=False), sizes, st.booleans())


@pytest.mark.parametrize("name", FOLDS)
def test_law_5_bites(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    spoil_untyped(monkeypatch, FOLDS[name])
    bites(FOLDED)


# Booleans are too rare among the models for the one mutation to be found every time.
@pytest.mark.parametrize("name", [name for name in FOLDS if name != "true as 1"])
def test_law_5_bites_typed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    spoil_typed(monkeypatch, FOLDS[name])
    bites(TYPED_FOLDED)


def test_law_5_bites_when_defaults_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    closes = sys.modules[assembler.Assembler.close.__module__]
    monkeypatch.setattr(closes, "emit_derived", lambda out, frame, typed, final: frame.json)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType, reportUnknownMemberType]  # a stand-in
    bites(TYPED_FOLDED)


def test_law_5_bites_when_the_result_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    honest_result = ResultCollector.result

    def made_again(self: ResultCollector) -> object:
        return copy.copy(honest_result(self))

    monkeypatch.setattr(ResultCollector, "result", made_again)
    bites(tried(test_laws.test_the_result_is_the_very_object_of_the_root, cases(spoiled=False), sizes))


def test_a_verdict_that_carries_another_value_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_typed(monkeypatch, rewrite("complete", lambda value: float(value) if type(value) is int else value))
    bites(tried(test_laws.test_each_verdict_carries_the_very_value_that_the_result_holds, cases(spoiled=False), sizes))


def test_law_5_bites_when_a_value_that_was_read_is_changed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that never copies: the value that was read grows on."""

    def shared(self: Any) -> object:
        self._settle_text()
        return self._root

    monkeypatch.setattr(Document, "value", property(shared))
    bites(tried(test_laws.test_a_value_that_was_read_from_the_document_stays_as_it_was, cases(), sizes))


def test_errors_that_differ_from_pydantics_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_typed(monkeypatch, rewrite("invalid", lambda errors: errors[1:]))
    bites(
        tried(
            test_laws.test_a_document_that_is_not_valid_has_the_errors_that_pydantic_gives, cases(spoiled=True), sizes
        )
    )


def test_user_code_that_is_called_again_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A builder that still has the fields' own schemas in it."""
    monkeypatch.setattr(builder, "_emptied", lambda schema, leaf, config: schema)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]  # a stand-in
    law = tried(
        test_laws.test_user_code_is_called_as_often_as_one_validation_calls_it, test_laws.spied_documents, sizes
    )
    bites(law)


# -- law 7 -------------------------------------------------------------------------------------------------------


class Rescanning:
    """Keeps the whole text and looks at it at each chunk."""

    def __init__(self, look: Callable[[list[object]], object]) -> None:
        self._text: list[object] = []
        self._look = look

    def feed(self, chunk: object, /) -> Sequence[object]:
        self._text.append(chunk)
        self._look(self._text)
        return (chunk,)

    def close(self, reason: Reason, /) -> Sequence[object]:
        return ()


def slow(look: Callable[[list[object]], object]) -> Pipeline[Any, Change[object]]:
    return Stage[Any, Any](lambda: Rescanning(look), "rescanning") | accumulate()


def test_law_7_bites_on_calls_that_grow() -> None:
    with pytest.raises(AssertionError):
        test_cost.test_a_row_takes_no_more_calls_late_than_early(slow(lambda text: [len(str(c)) for c in text[::50]]))


def test_law_7_bites_on_copies_that_grow() -> None:
    with pytest.raises(AssertionError):
        test_cost.test_a_row_takes_no_more_memory_late_than_early(slow(lambda text: bytes(len(text))))


def test_law_7_holds_of_a_stage_that_keeps_but_does_not_look() -> None:
    test_cost.test_a_row_takes_no_more_calls_late_than_early(slow(len))
    test_cost.test_a_row_takes_no_more_memory_late_than_early(slow(len))


# -- law 8 -------------------------------------------------------------------------------------------------------


async def never_left(leave: object, reason: object) -> object:
    return reason


async def left_twice(leave: Callable[[], object] | None, reason: object) -> object:
    for _ in range(2):
        left = leave() if leave is not None else None
        if hasattr(left, "__await__"):
            await cast("Any", left)
    return reason


@pytest.mark.parametrize("mutant", [never_left, left_twice])
@pytest.mark.parametrize("probe", [test_leaving.AsyncIterated, test_leaving.AsyncEntered, test_leaving.Entered])
async def test_law_8_bites(monkeypatch: pytest.MonkeyPatch, mutant: object, probe: Any) -> None:
    await test_leaving.test_leaving_async_with_by_break_closes_at_once(probe, False)
    monkeypatch.setattr(run, "_close_async", mutant)
    with pytest.raises(AssertionError):
        await test_leaving.test_leaving_async_with_by_break_closes_at_once(probe, False)


async def test_law_8_bites_when_the_consumers_error_is_thrown_into_the_source() -> None:
    log = test_leaving.Log()
    source = test_leaving.async_generator(log, test_leaving.CHUNKS)
    await anext(source)
    with pytest.raises(test_leaving.ConsumerError):
        await cast("Any", source).athrow(test_leaving.ConsumerError())
    assert test_leaving.closings(log) != ["closed"]


# -- law 3, over every event of every test ---------------------------------------------------------------------

BACK: list[tuple[str, Change[object]]] = [
    ("no key came twice", Change("replace", (), [])),
    ("no key came twice", Change("remove", ("a",))),
    ("added a second time", Change("add", ("a",), "b")),
    ("only strings grow", Change("append", (), "x")),
    ("grew after its verdict", Change("append", ("a",), "x")),
]


@pytest.mark.parametrize(("problem", "change"), BACK)
@pytest.mark.parametrize("model", [None, dict[str, str]])
def test_taking_back_is_seen_in_whatever_runs(
    monkeypatch: pytest.MonkeyPatch, problem: str, change: Change[object], model: type[object] | None
) -> None:
    real = assembler.Assembler.take
    monkeypatch.setattr(assembler.Assembler, "take", lambda self: [*real(self), change])  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]  # a stand-in
    with pytest.raises(law_3.TakenBack, match=problem):
        list(['{"a": "b"}'] | (accumulate() if model is None else accumulate() | validate(model)))
    assert len(law_3.found) > 0
    law_3.found.clear()


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '[{"b": {"a": 1}}, {"a": [], "b": 1, "\\u0061": 2'])
def test_a_key_that_came_twice_is_a_reason(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    real = assembler.Assembler.take
    monkeypatch.setattr(assembler.Assembler, "take", lambda self: [*real(self), Change("remove", ())])  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]  # a stand-in
    assert [change.op for change in [text] | accumulate()].count("remove") > 0

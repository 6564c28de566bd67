"""The laws of the contract, as properties of random documents, random models and random cuts."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, cast

import jiter
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    computed_field,
    field_validator,
    model_validator,
)
from support.flows import folded
from support.prefixes import certain, expected, plainly, waiting_at
from support.recorder import Recorder, always, check, fold, gather, plain, tidy
from support.strategies import LAW, Case, Style, Tree, cases, cut, has_twins, sizes, styles, texts, trees, write
from support.verdicts import nothing, verdicts

from streamkit.changes.change import Change, End, Finish, Path
from streamkit.changes.document import Document
from streamkit.errors import EmptyAnswer, JsonSyntaxError, Refused, Truncated
from streamkit.flow import Pipeline, Stage
from streamkit.operators import accumulate, diff, tap, validate

Chunks = Iterable[str | bytes]


def pieces(text: str, lengths: Sequence[int], in_bytes: bool) -> list[str] | list[bytes]:
    return list(cut(text.encode(), lengths)) if in_bytes else list(cut(text, lengths))


def untyped(chunks: Chunks) -> list[Change[object]]:
    return gather(chunks | accumulate())


def typed(case: Case, chunks: Chunks) -> list[Change[object]]:
    return gather(chunks | accumulate() | validate(case.kind.tp))


def end_of(events: Sequence[Change[object]]) -> End:
    return cast("End", events[-1].value)


def root_of(events: Sequence[Change[object]], op: str) -> object:
    """What the root's verdict carries."""
    (found,) = [change.value for change in events if change.op == op and change.path == ()]
    return found


# -- law 1: splits do not matter -----------------------------------------------------------------------


@LAW
@given(texts, sizes, st.booleans())
def test_untyped_events_do_not_depend_on_the_cuts(text: str, lengths: list[int], in_bytes: bool) -> None:
    assert tidy(untyped(pieces(text, lengths, in_bytes))) == tidy(untyped([text]))


@LAW
@given(cases(), sizes, st.booleans())
def test_typed_events_do_not_depend_on_the_cuts(case: Case, lengths: list[int], in_bytes: bool) -> None:
    assert tidy(typed(case, pieces(case.text, lengths, in_bytes))) == tidy(typed(case, [case.text]))


@LAW
@given(texts, st.data(), sizes, st.booleans())
def test_events_of_spoiled_text_do_not_depend_on_the_cuts(
    text: str, data: st.DataObject, lengths: list[int], in_bytes: bool
) -> None:
    at = data.draw(st.integers(0, len(text)))
    upto = data.draw(st.integers(at, len(text)))
    spoiled = text[:at] + data.draw(st.sampled_from(["", "!", '"', "\\", "}", "]", ",", ":", "0", "\\ud800", "\x01"]))
    spoiled += text[upto:]
    assert tidy(untyped(pieces(spoiled, lengths, in_bytes))) == tidy(untyped([spoiled]))


@LAW
@given(cases(), sizes, st.booleans())
def test_after_diff_the_verdicts_and_the_document_at_each_do_not_depend_on_the_cuts(
    case: Case, lengths: list[int], in_bytes: bool
) -> None:
    chunks = pieces(case.text, lengths, in_bytes)
    least = gather(chunks | accumulate() | validate(case.kind.tp) | diff())

    assert verdicts(least) == verdicts(typed(case, [case.text]))


# -- laws 2, 3, 4 and 6, as far as a list of events shows them -------------------------------------------


@LAW
@given(trees(), styles, sizes)
def test_untyped_events_keep_the_static_laws(tree: Tree, style: Style, lengths: list[int]) -> None:
    check(untyped(cut(write(tree, style), lengths)), lambda path: has_twins(tree))


@LAW
@given(cases(), sizes)
def test_typed_events_keep_the_static_laws(case: Case, lengths: list[int]) -> None:
    check(typed(case, cut(case.text, lengths)), case.may_revise)


@LAW
@given(cases(), sizes)
def test_diffed_events_keep_the_static_laws(case: Case, lengths: list[int]) -> None:
    flow = cut(case.text, lengths) | accumulate() | validate(case.kind.tp) | diff()
    check(gather(flow), case.may_revise, may_repeat=True)


@LAW
@given(cases(), sizes)
def test_validate_behind_another_stage_tells_the_same(case: Case, lengths: list[int]) -> None:
    told = gather(cut(case.text, lengths) | accumulate() | tap(nothing) | validate(case.kind.tp))
    assert tidy(told) == tidy(typed(case, [case.text]))


# -- law 4 and the first half of law 5: at every character, just what is certain ----------------------------


@LAW
@given(trees(6), styles)
def test_untyped_at_every_character_all_that_is_certain_is_told(tree: Tree, style: Style) -> None:
    text = write(tree, style)
    recorder = Recorder(lambda path: has_twins(tree))
    for upto, batch in enumerate(by_character(accumulate(), text), 1):
        for change in batch:
            recorder.take(change)
        want = plainly(certain(text[:upto], whole=recorder.end is not None))
        assert (plain(want.root), want.closed) == (seen(recorder), {*recorder.verdicts}), text[:upto]


@LAW
@given(cases(later=False, spoiled=False))
def test_typed_at_every_character_all_that_is_certain_is_told(case: Case) -> None:
    assume(case.kind.timed and not case.twins)
    try:
        final = dumped(case)
    except ValidationError:
        assume(False)
    recorder = Recorder(case.may_revise)
    for upto, batch in enumerate(by_character(accumulate() | validate(case.kind.tp), case.text), 1):
        for change in batch:
            recorder.take(change)
        want = expected(case.kind, certain(case.text[:upto], whole=recorder.end is not None), final)
        assert (plain(want.root), want.closed) == (seen(recorder), {*recorder.verdicts}), case.text[:upto]


def by_character(pipeline: Pipeline[str | bytes, Change[object]], text: str) -> list[Sequence[Change[object]]]:
    """What each character of a text brings; last, what its end brings."""
    brought: list[Sequence[Change[object]]] = [() for _ in range(len(text) + 1)]
    fed = 0

    def characters() -> Iterable[str]:
        nonlocal fed
        for c in text:
            fed += 1
            yield c

    for batch in (characters() | pipeline).batches():
        at = len(text) if batch[-1].op == "end" else fed - 1
        assert not brought[at]
        brought[at] = batch
    return brought


def seen(recorder: Recorder) -> object:
    return plain([] if recorder.empty else [recorder.value])


# -- law 5: folding is parsing ---------------------------------------------------------------------------


def dumped(case: Case) -> object:
    adapter: TypeAdapter[object] = TypeAdapter(case.kind.tp)
    return adapter.dump_python(adapter.validate_json(case.text), mode="json", by_alias=False, warnings=False)


@LAW
@given(texts, sizes, st.booleans())
def test_untyped_folding_is_parsing(text: str, lengths: list[int], in_bytes: bool) -> None:
    events = untyped(pieces(text, lengths, in_bytes))
    parsed = cast("object", jiter.from_json(text.encode()))

    assert end_of(events) == End("complete")
    assert plain(folded(events).value) == plain(fold(events)) == plain(parsed) == plain(root_of(events, "complete"))


@LAW
@given(cases(spoiled=False), sizes, st.booleans())
def test_typed_folding_is_validating(case: Case, lengths: list[int], in_bytes: bool) -> None:
    events = typed(case, pieces(case.text, lengths, in_bytes))
    try:
        value: object = TypeAdapter[object](case.kind.tp).validate_json(case.text)
    except ValidationError as refused:
        wanted = errors_of(refused)
        assert case.twins or told_errors(events) == wanted
        return
    assert end_of(events) == End("complete")
    assert plain(folded(events).value) == plain(fold(events)) == plain(dumped(case))
    assert same_value(root_of(events, "complete"), value)


@LAW
@given(cases(spoiled=True), sizes)
def test_a_document_that_is_not_valid_has_the_errors_that_pydantic_gives(case: Case, lengths: list[int]) -> None:
    events = typed(case, cut(case.text, lengths))
    try:
        dumped(case)
    except ValidationError as refused:
        wanted = errors_of(refused)
        assert end_of(events).status == "invalid"
        assert case.twins or told_errors(events) == wanted
    else:
        assert end_of(events).status == "complete"


def told_errors(events: Sequence[Change[object]]) -> Counter[object]:
    errors = cast("list[dict[str, object]]", root_of(events, "invalid"))
    return Counter((error["loc"], error["type"], error["msg"]) for error in errors)


def errors_of(error: ValidationError) -> Counter[object]:
    return Counter((detail["loc"], detail["type"], detail["msg"]) for detail in error.errors())


def same_value(one: object, other: object) -> bool:
    """Equal, down to the types of what is inside and which fields were set."""
    fields = [cast("object", getattr(value, "model_fields_set", None)) for value in (one, other)]
    return type(one) is type(other) and one == other and repr(one) == repr(other) and fields[0] == fields[1]


@LAW
@given(cases(spoiled=False), sizes)
def test_each_verdict_carries_the_very_value_that_the_result_holds(case: Case, lengths: list[int]) -> None:
    events = typed(case, cut(case.text, lengths))
    assume(end_of(events).status == "complete" and not case.kind.collides)
    result = root_of(events, "complete")

    last = {change.path: change.value for change in events if change.op == "complete"}
    for path, carried in last.items():
        for held in within(result, path):
            assert same_value(carried, held), path
            assert case.kind.may_revise or carried is held or not isinstance(held, (BaseModel, list, dict)), path


def within(value: object, path: Path) -> list[object]:
    """The typed value at a path, in a list; nothing where a dump looks otherwise than what it was made of."""
    for key in path:
        if isinstance(value, BaseModel) and key in type(value).model_fields:
            value = getattr(value, str(key))
        elif value.__class__ in (dict, list):
            try:
                value = cast("dict[str | int, object]", value)[key]
            except (KeyError, IndexError):
                return []
        else:
            return []
    return [value]


@LAW
@given(cases(spoiled=True), sizes)
def test_each_error_is_told_once_below_the_root(case: Case, lengths: list[int]) -> None:
    assume(not case.twins)
    events = typed(case, cut(case.text, lengths))
    told: Counter[object] = Counter()
    for change in events:
        if change.op == "invalid" and change.path:
            told.update(
                str(error["loc"]) + str(error["type"]) for error in cast("list[dict[str, object]]", change.value)
            )
    assert not [error for error, times in told.items() if times > 1], told


@LAW
@given(cases(spoiled=False), sizes)
def test_the_result_is_the_very_object_of_the_root(case: Case, lengths: list[int]) -> None:
    carried: list[object] = []

    class Watch:
        def feed(self, change: Change[object], /) -> Sequence[Change[object]]:
            if change.op == "complete" and not change.path:
                carried.append(change.value)
            return (change,)

        def close(self, reason: object, /) -> Sequence[Change[object]]:
            return ()

    flow = list(cut(case.text, lengths)) | accumulate() | validate(case.kind.tp) | Stage(Watch)
    try:
        result = flow.result_sync()
    except ValueError:
        return
    assert result is carried[0]


@LAW
@given(cases(), sizes)
def test_a_value_that_was_read_from_the_document_stays_as_it_was(case: Case, lengths: list[int]) -> None:
    document, recorder = Document(), Recorder(case.may_revise)
    read: list[tuple[object, str]] = []
    for change in typed(case, cut(case.text, lengths)):
        document.apply(change)
        recorder.take(change)
        read.append((document.value, repr(plain(recorder.value))))
    for value, then in read:
        assert repr(plain(value)) == then


@LAW
@given(cases(), sizes)
def test_the_document_tells_the_states_that_the_events_told(case: Case, lengths: list[int]) -> None:
    document, recorder = Document(), Recorder(case.may_revise)
    for change in typed(case, cut(case.text, lengths)):
        document.apply(change)
        recorder.take(change)
        assert document.open == tuple(recorder.open)
        assert {*document.invalid} == {path for path, said in recorder.verdicts.items() if said == "invalid"}
        for path in (*recorder.open, *recorder.verdicts):
            assert document.state(path) == recorder.verdicts.get(path, "open")


# -- law 6: the end is honest ------------------------------------------------------------------------------


def fail(value: Any) -> str:
    """User code with a mistake in it."""
    raise TypeError("a mistake")


class Failing(BaseModel):
    text: str = ""

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def failing(self) -> str:
        return fail(self)


class FailingModel(BaseModel):
    text: str = ""

    @model_validator(mode="after")
    def check(self) -> FailingModel:
        fail(self)
        return self


@pytest.mark.parametrize(
    "tp",
    [
        list[Failing],
        list[FailingModel],
        list[dict[str, Annotated[str, AfterValidator(fail)]]],
        list[Annotated[dict[str, str], AfterValidator(fail)]],
    ],
)
def test_what_user_code_left_without_a_verdict_is_open(tp: Any) -> None:
    text = '[{"text": "abc"}]'
    for chunks in ([text], list(text)):
        events = gather(chunks | accumulate() | validate(tp))
        check(events)
        assert (end_of(events).status, end_of(events).open[:2]) == ("failed", ((), (0,)))


class Chunked:
    """A source that knows how it ended."""

    def __init__(self, chunks: Iterable[str | bytes], finish: Finish) -> None:
        self._chunks, self.finish = iter(chunks), finish

    def __iter__(self) -> Chunked:
        return self

    def __next__(self) -> str | bytes:
        return next(self._chunks)


@LAW
@given(cases(), sizes, st.data())
def test_a_text_that_just_ends_is_truncated(case: Case, lengths: list[int], data: st.DataObject) -> None:
    prefix = case.text[: data.draw(st.integers(0, len(case.text)))]
    whole = certain(prefix, whole=True)
    for pipeline in (accumulate(), accumulate() | validate(case.kind.tp)):
        events = gather(cut(prefix, lengths) | pipeline)
        check(events, case.may_revise)
        if whole is not None and whole.closed:
            assert end_of(events).status in ("complete", "invalid")
        elif prefix.strip(" \t\r\n")[:1] in '[{"tfn':
            assert end_of(events).status == "truncated"
            assert type(end_of(events).error) is (Truncated if prefix.strip(" \t\r\n") else EmptyAnswer)
        else:  # a number at the root that ends in the middle: `1.`, `-`, `1e`
            assert end_of(events).status in ("truncated", "failed")


@LAW
@given(cases(), sizes, st.data())
def test_a_text_cut_by_a_token_limit_is_truncated_even_after_a_number(
    case: Case, lengths: list[int], data: st.DataObject
) -> None:
    prefix = case.text[: data.draw(st.integers(0, len(case.text)))]
    so_far = certain(prefix)
    events = gather(Chunked(cut(prefix, lengths), Finish("length")) | accumulate() | validate(case.kind.tp))

    check(events, case.may_revise)
    assert end_of(events).finish_reason == "length"
    assert (end_of(events).status == "truncated") is (so_far is None or not so_far.closed)


@LAW
@given(texts, st.data())
def test_a_source_that_fails_ends_failed_with_its_own_error(text: str, data: st.DataObject) -> None:
    prefix, lost = text[: data.draw(st.integers(0, len(text)))], OSError("line lost")

    def source() -> Iterable[str]:
        yield from prefix
        raise lost

    events = gather(source() | accumulate())

    check(events, always)
    assert end_of(events).status == "failed"
    assert end_of(events).error is lost
    assert "source of accumulate" in lost.__notes__[0]
    assert tidy(events)[:-1] == tidy(gather(Chunked(prefix, Finish("length")) | accumulate()))[:-1]


@pytest.mark.parametrize("finish", [Finish("stop", refusal="I will not."), Finish("content_filter")])
@pytest.mark.parametrize("text", ["", '{"name": "Jo'])
def test_a_refusal_is_told_as_one(text: str, finish: Finish) -> None:
    events = gather(Chunked([text], finish) | accumulate())

    check(events)
    assert end_of(events).status == "refused"
    assert isinstance(end_of(events).error, Refused)


# -- law 9: errors say what, where -------------------------------------------------------------------------

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[-+.0-9eE]+|true|false|null|[\[\]{},:]')


@LAW
@given(trees(), styles, st.data(), sizes)
def test_an_error_says_where_it_happened(tree: Tree, style: Style, data: st.DataObject, lengths: list[int]) -> None:
    text = write(tree, style)
    at = data.draw(st.sampled_from([found.start() for found in TOKEN.finditer(text)] + [len(text)]))
    before, wrong = text[:at], data.draw(st.sampled_from(["!", "\u00e9", "\x00", ";", "'", "\ufeff"]))

    error = end_of(untyped(cut(before + wrong + text[at:], lengths))).error

    assert isinstance(error, JsonSyntaxError)
    assert repr(wrong) in error.reason
    assert (error.offset, error.line) == (at, before.count("\n") + 1)
    assert error.column == at - (before.rfind("\n") + 1) + 1
    assert error.path == waiting_at(before + " ")


@LAW
@given(cases(later=False), st.data(), sizes)
def test_an_error_in_typed_text_says_the_same(case: Case, data: st.DataObject, lengths: list[int]) -> None:
    at = data.draw(st.sampled_from([found.start() for found in TOKEN.finditer(case.text)] + [len(case.text)]))
    spoiled = case.text[:at] + "!" + case.text[at:]

    one, other = end_of(untyped([spoiled])).error, end_of(typed(case, cut(spoiled, lengths))).error

    assert isinstance(one, JsonSyntaxError)
    assert isinstance(other, JsonSyntaxError)
    assert (one.reason, one.offset, one.line, one.column) == (other.reason, other.offset, other.line, other.column)


# -- what user code sees -----------------------------------------------------------------------------------


def spied(calls: list[str]) -> type[BaseModel]:
    """A model that notes every call of the user's own functions."""

    def note(what: str) -> Callable[[int], int]:
        def noted(value: int) -> int:
            calls.append(f"{what} {value}")
            if value < 0:
                raise ValueError("negative")
            return value

        return noted

    def made() -> list[int]:
        calls.append("factory")
        return [1]

    class Leaf(BaseModel):
        a: Annotated[int, AfterValidator(note("a"))]
        b: Annotated[int, BeforeValidator(note("before b")), AfterValidator(note("b"))] = 5
        c: Annotated[list[int], Field(default_factory=made)]

        @field_validator("b")
        @classmethod
        def later(cls, value: int, info: ValidationInfo) -> int:
            calls.append(f"info {value} {sorted(info.data)}")
            return value

    class Plain(BaseModel):
        a: Annotated[int, AfterValidator(note("plain"))]
        items: list[Annotated[int, AfterValidator(note("item"))]] = []
        c: Annotated[list[int], Field(default_factory=made)]

        @model_validator(mode="after")
        def whole(self) -> Plain:
            calls.append("model")
            return self

    class Root(BaseModel):
        leaf: Leaf | None = None
        plain: Plain | None = None
        plains: list[Plain] = []
        named: dict[str, Plain] = {}

        def model_post_init(self, context: object, /) -> None:
            calls.append("post")

    return Root


_ints = st.sampled_from([1, 2, 7, -1])
_leaves = st.fixed_dictionaries({}, optional={"a": _ints, "b": _ints, "c": st.lists(_ints, max_size=2)})
_plains = st.fixed_dictionaries({"a": _ints}, optional={"items": st.lists(_ints, max_size=3), "c": st.just([])})
spied_documents = st.fixed_dictionaries(
    {},
    optional={
        "leaf": _leaves,
        "plain": _plains,
        "plains": st.lists(_plains, max_size=2),
        "named": st.dictionaries(st.sampled_from(["x", "y"]), _plains, max_size=2),
    },
)


@LAW
@given(spied_documents, sizes)
def test_user_code_is_called_as_often_as_one_validation_calls_it(document: object, lengths: list[int]) -> None:
    calls: list[str] = []
    model, text = spied(calls), json.dumps(document)
    with contextlib.suppress(ValidationError):
        model.model_validate_json(text)
    once, calls[:] = sorted(calls), []

    gather(cut(text, lengths) | accumulate() | validate(model))

    assert sorted(calls) == once


def test_computed_fields_are_computed_once() -> None:
    calls: list[str] = []

    class Inner(BaseModel):
        a: int

        @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
        @property
        def twice(self) -> int:
            calls.append("inner")
            return self.a * 2

    class Outer(BaseModel):
        inner: Inner
        name: str

        @computed_field  # type: ignore[prop-decorator]  # as above
        @property
        def shout(self) -> str:
            calls.append("outer")
            return self.name.upper()

    gather('{"inner": {"a": 1}, "name": "x"}' | accumulate() | validate(Outer))

    assert sorted(calls) == ["inner", "outer"]

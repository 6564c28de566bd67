"""How a field streams, by the model's own word, and what becomes of wrong values."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Union, cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError, field_validator
from support.flows import folded, spread
from support.recorder import always, check, gather, tidy
from support.strategies import LAW, cut, sizes
from typing_extensions import TypedDict

from streamkit import Change, Document, End, InvalidResult, Stream, extract, share
from streamkit.errors import StreamkitError
from streamkit.operators import accumulate, diff, merge_runs, snapshots, tap, validate


class Color(Enum):
    RED = "red"
    GREEN = "green"
    GREY = "grey"


class Row(BaseModel):
    n: Annotated[int, Field(gt=0)]
    tags: list[int] = []


class Table(BaseModel):
    title: str
    rows: list[Row]


def batches(tp: Any, chunks: Sequence[str], **settings: Any) -> list[list[tuple[str, str, Any]]]:
    """What each chunk brings; of errors their place in the document."""
    flow: Any = chunks | accumulate() | validate(tp, **settings)
    return [[(change.op, change.pointer, shown(change)) for change in batch] for batch in flow.batches()]


def shown(change: Change[Any]) -> Any:
    value = cast("Any", change.value)
    if change.op == "invalid":
        return [error["loc"] for error in value]
    return value.status if change.op == "end" else value


END = [("end", "", "complete")]


# -- hold ----------------------------------------------------------------------------------------------------


class Held(BaseModel):
    name: Annotated[str, Stream(hold=True)]
    row: Annotated[Row, Stream(hold=True)] | None = None
    free: str = ""


def test_a_held_field_is_told_when_it_is_whole() -> None:
    first, second, third, *_ = batches(Held, ['{"name": "a', 'b", "row": {"n": 1', '}, "free": "x', '"}'])
    assert first == [("add", "", {})]
    assert second == [("add", "/name", "ab"), ("complete", "/name", "ab")]
    assert third[-2:] == [("complete", "/row", Row(n=1)), ("add", "/free", "x")]


def test_items_can_be_held() -> None:
    first, second, *_ = batches(list[Annotated[str, Stream(hold=True)]], ['["a', 'b"', "]"])
    assert (first, second) == ([("add", "", [])], [("add", "/0", "ab"), ("complete", "/0", "ab")])


class Cat(BaseModel):
    kind: Literal["cat"]
    name: str
    kittens: list[Cat] = []


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Mouse(TypedDict):
    kind: Literal["mouse"]
    name: str


def meowed(cat: Cat) -> Cat:
    return cat


@pytest.mark.parametrize("kind", ["cat", "dog", "mouse"])
@pytest.mark.parametrize(
    "member",
    [
        Annotated[Cat, Stream(hold=True)],
        Annotated[Dog, Stream(hold=True)],
        Annotated[Mouse, Stream(hold=True)],
        Annotated[Cat, AfterValidator(meowed), Stream(hold=True)],
        Annotated[Annotated[Cat, Stream(eager=True)], Stream(hold=True)],
    ],
)
def test_a_member_of_a_discriminated_union_can_be_held(member: Any, kind: str) -> None:
    held = get_args(member)[0]
    others = [each for each in (Cat, Dog, Mouse) if each is not held]
    tp: Any = Annotated[Union[(member, *others)], Field(discriminator="kind")]  # of a tuple
    told = [change for batch in batches(tp, [f'{{"kind": "{kind}", "name": "a', 'b"', "}"]) for change in batch]
    assert (("add", "/name", "ab") in told) == (kind == held.__name__.lower())
    whole = TypeAdapter(tp).validate_json(f'{{"kind": "{kind}", "name": "ab"}}')
    assert told[-2:] == [("complete", "", whole), *END]


# -- needed --------------------------------------------------------------------------------------------------


class Needy(BaseModel):
    text: str
    id: Annotated[int, Stream(needed=True)] = Field(alias="ID")
    kind: Annotated[str, Stream(needed=True)] = "any"


class NeedyDict(TypedDict):
    text: str
    id: Annotated[int, Stream(needed=True)]


@dataclass
class NeedyData:
    text: str
    id: Annotated[int, Stream(needed=True)]


def test_nothing_of_an_object_is_told_before_what_it_needs() -> None:
    told = batches(Needy, ['{"text": "a', 'b", "ID": 4', ', "kind": "', 'c"', "}"])
    assert told[0] == [
        ("add", "", {}),
        ("add", "/text", "ab"),
        ("complete", "/text", "ab"),
        ("add", "/id", 4),
        ("complete", "/id", 4),
        ("add", "/kind", "c"),
        ("complete", "/kind", "c"),
    ]


@pytest.mark.parametrize("tp", [NeedyDict, NeedyData])
def test_typed_dicts_and_dataclasses_can_need_fields(tp: Any) -> None:
    first, *_ = batches(list[tp], ['[{"text": "a', 'b", "id": 4', "}]"])
    assert first == [("add", "", [])]
    second = batches(list[tp], ['[{"text": "a', 'b", "id": 4', "}]"])[1]
    assert second[:2] == [("add", "/0", {}), ("add", "/0/text", "ab")]


@pytest.mark.parametrize(
    "text", ['{"text": "ab", "kind": "x"}', '{"text": "ab", "ID": 1}', '{"text": 1}', "{}", "[]", "1"]
)
def test_an_object_that_lacks_what_it_needs_is_told_at_its_end(text: str) -> None:
    events = gather(list(text) | accumulate() | validate(Needy))
    check(events)
    try:
        wanted: Any = Needy.model_validate_json(text)
    except ValidationError as error:
        wanted = [(each["loc"], each["type"]) for each in error.errors()]
    end = cast("End", events[-1].value)
    if isinstance(end.error, InvalidResult):
        assert sorted((each["loc"], each["type"]) for each in end.error.errors) == sorted(wanted)
    else:
        assert events[-2].value == wanted


# -- eager ---------------------------------------------------------------------------------------------------


class Eager(BaseModel):
    color: Annotated[Color, Stream(eager=True)]
    size: Literal["small", "large"] = "small"


def test_an_eager_member_is_told_as_soon_as_one_is_left() -> None:
    told = batches(Eager, ['{"color": "g', "re", "e", 'n"', ', "size": "l', 'arge"}'])
    whole = Eager(color=Color.GREEN, size="large")
    assert told == [
        [("add", "", {})],
        [("add", "/color", "green")],
        [("complete", "/color", Color.GREEN)],
        [("add", "/size", "large"), ("complete", "/size", "large"), ("complete", "", whole)],
        END,
    ]


def test_all_literals_can_be_eager() -> None:
    told = batches(list[Eager], ['[{"color": "r', 'ed", "size": "l', 'arge"}]'], eager_literals=True)
    assert told[0] == [("add", "", []), ("add", "/0", {}), ("add", "/0/color", "red")]
    assert told[1] == [("complete", "/0/color", Color.RED), ("add", "/0/size", "large")]


@pytest.mark.parametrize("text", ['{"k":"al', '{"k":"al\n'])
def test_an_eager_member_that_was_cut_is_open(text: str) -> None:
    class Model(BaseModel):
        k: Literal["alpha", "beta"]

    for chunks in ([text], list(text)):
        changes = gather(chunks | extract(Model, eager_literals=True))
        check(changes)
        end = cast("End", changes[-1].value)
        assert end.open == ((), ("k",))
        assert cast("StreamkitError", end.error).partial == {"k": "alpha"}


def test_an_eager_member_that_was_none_is_replaced_and_invalid() -> None:
    told = batches(Eager, ['{"color": "r', 'ose"}'])
    assert told[0] == [("add", "", {}), ("add", "/color", "red")]
    assert told[1][:2] == [("replace", "/color", "rose"), ("invalid", "/color", [("color",)])]


class Numbered(BaseModel):
    id: Annotated[int, Stream(needed=True)]
    words: list[str] = []


class Numbers(BaseModel):
    rows: list[Numbered]
    count: int


@pytest.mark.parametrize(
    ("tp", "wrong", "right"),
    [
        (Numbered, '{"id": "x", "words": ["a"]}', '{"id": 1, "words": ["a", "b"]}'),
        (
            Numbers,
            '{"rows": [{"id": 1, "words": ["a"]}], "count": "x"}',
            '{"rows": [{"id": 2, "words": []}], "count": 1}',
        ),
    ],
)
def test_a_new_attempt_at_an_object_that_waited_is_shown_as_the_model(tp: Any, wrong: str, right: str) -> None:
    first, second = ([text[:20], text[20:]] | accumulate() | validate(tp) for text in (wrong, right))
    both = [*list(first)[:-1], Change("reset", (), "again"), *second]
    shown: list[Any] = list(both | diff() | snapshots(tp))
    assert {type(each).__name__ for each in shown} == {tp.__name__}
    assert shown[-1] == tp.model_validate_json(right)
    if tp is Numbers:
        rows = [row for each in shown for row in cast("list[object]", each.rows or [])]
        assert {type(row).__name__ for row in rows} == {"Numbered"}


def test_snapshots_of_an_object_that_waited_need_no_more_than_the_changes() -> None:
    told = ['{"id": 1, "wor', 'ds": ["a"', "]}"] | accumulate() | validate(Numbered)
    plain = [[Change(*change) for change in batch] for batch in told.batches()]
    assert list(plain | spread(Numbered) | snapshots(Numbered)) == list(told | snapshots())


# -- on_invalid ------------------------------------------------------------------------------------------------


class Policies(BaseModel):
    kept: list[int] = []
    dropped: Annotated[list[int], Stream(on_invalid="drop")] = []
    raised: Annotated[int, Stream(on_invalid="raise")] = 0
    rows: Annotated[list[Row], Stream(on_invalid="drop")] = []


def test_a_field_chooses_for_itself() -> None:
    text = '{"kept": [1, "x"], "dropped": [1, "x", 2], "rows": [{"n": 1, "tags": ["x"]}]}'
    events = gather([text] | accumulate() | validate(Policies))
    assert [(change.pointer, shown(change)) for change in events if change.op == "invalid"] == [
        ("/kept/1", [("kept", 1)]),
        ("/kept", []),
        ("/dropped", [("dropped", 1)]),
        ("/rows/0/tags", [("rows", 0, "tags", 0)]),
        ("", [("kept", 1)]),
    ]
    assert folded(events).value == {"kept": [1, "x"], "dropped": [1, 2], "rows": [{"n": 1, "tags": []}]}


def test_raise_stops_at_the_first_verdict() -> None:
    with pytest.raises(InvalidResult, match="/raised") as raised:
        list(['{"kept": ["x"], "raised": "x", "dropped": '] | accumulate() | validate(Policies))
    assert raised.value.path == ("raised",)
    told = gather(['{"raised": "x", "kept": "never read"}'] | accumulate() | validate(Policies))
    assert [change.pointer for change in told if change.op == "add"] == ["", "/raised"]


def test_a_dropped_item_was_never_there() -> None:
    told = batches(Table, ['{"title": "t", "rows": [{"n": 1}, {"n": 0', '}, {"n": 2', "}]}"], on_invalid="drop")
    assert told[1] == [("invalid", "/rows", [("rows", 1, "n")])]
    assert told[2][0] == ("add", "/rows/1", {})
    assert told[2][-1] == ("complete", "", Table(title="t", rows=[Row(n=1), Row(n=2)]))


def test_what_tells_of_a_dropped_item_is_no_verdict_of_the_list() -> None:
    document = Document()
    for change in ['[1, "x", 2'] | accumulate() | validate(list[int], on_invalid="drop"):
        document.apply(change)
        if change.op == "invalid":
            assert (document.state(()), document.open, document.invalid) == ("open", ((),), ())
    assert document.open == ((),)


@pytest.mark.parametrize(
    ("tp", "text"),
    [
        (list[int], '[1, "x", 2, 3]'),
        (list[list[int]], '[[1, "x", 2], "x", [3]]'),
        (Table, '{"title":"","rows":[{},{"n":1}]}'),
    ],
)
def test_a_new_attempt_takes_nothing_back_for_a_dropped_item(tp: Any, text: str) -> None:
    told = gather([text] | accumulate() | validate(tp, on_invalid="drop"))
    again = [*told[:-1], Change("reset", (), "again"), *told] | diff()
    after = list(again)[len(told) :]
    assert {change.op for change in after} == {"complete", "invalid", "end"}
    result = cast("Any", told[-2].value)
    assert all(each == result for each in list(again | snapshots(tp))[-1:])


def test_a_hub_goes_on_behind_a_dropped_item() -> None:
    async def main() -> Any:
        async with share(['[1, "x", 2', "]"] | extract(list[int], on_invalid="drop"), retain=0) as hub:
            async with hub.subscribe(batches=True) as early:
                await anext(early)
            open_paths, verdict = hub.snapshot().open, await hub.result()
            return open_paths, verdict

    assert asyncio.run(main()) == (((),), [1, 2])


def test_runs_side_by_side_keep_a_list_open_when_an_item_is_dropped() -> None:
    async def main() -> Any:
        changes = merge_runs({"a": ['["x"', ", 1]"] | extract(list[int], on_invalid="drop")})
        document = Document()
        states: list[str] = []
        async for change in changes:
            document.apply(change)
            if change.op == "invalid":
                states.append(document.state(("a",)))
        return states, document.value

    assert asyncio.run(main()) == (["open"], {"a": [1]})


def test_what_is_no_item_is_not_dropped() -> None:
    end = gather(['{"title": 1, "rows": []}'] | accumulate() | validate(Table, on_invalid="drop"))[-1].value
    assert cast("End", end).status == "invalid"


numbers: st.SearchStrategy[Any] = st.one_of(st.integers(-2, 3), st.sampled_from(["x", "4", None, 1.5, [], {}, True]))
rows: st.SearchStrategy[Any] = st.one_of(
    st.fixed_dictionaries({"n": numbers}, optional={"tags": st.one_of(st.lists(numbers, max_size=4), numbers)}),
    st.fixed_dictionaries({}, optional={"tags": st.lists(numbers, max_size=2), "more": numbers}),
    numbers,
)
tables: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"title": st.sampled_from(["", "t", 'a"b']), "rows": st.lists(rows, max_size=5)}
)


def cleaned(table: dict[str, Any]) -> dict[str, Any]:
    """The document without the items that pydantic refuses, innermost first."""
    return {**table, "rows": fitting(Row, [with_fitting_tags(row) for row in table["rows"]])}


def with_fitting_tags(row: Any) -> Any:
    if not isinstance(row, dict):
        return row
    told = cast("dict[str, Any]", row)
    return {**told, "tags": fitting(int, told["tags"])} if isinstance(told.get("tags"), list) else told


def fitting(tp: Any, items: list[Any]) -> list[Any]:
    return [item for item in items if fits(tp, item)]


def fits(tp: Any, item: Any) -> bool:
    try:
        TypeAdapter(tp).validate_json(json.dumps(item))
    except ValidationError:
        return False
    return True


@LAW
@given(tables, sizes, st.booleans())
def test_dropping_gives_what_pydantic_makes_of_the_rest(table: dict[str, Any], lengths: list[int], apart: bool) -> None:
    text = json.dumps(table)
    stages = accumulate() | tap(lambda change: None) if apart else accumulate()
    events = gather(cut(text, lengths) | stages | validate(Table, on_invalid="drop"))
    wanted = Table.model_validate_json(json.dumps(cleaned(table)))
    assert events[-2].value == wanted
    assert folded(events).value == wanted.model_dump(mode="json")
    check([change for change in events if change.op != "invalid"], always)  # none of them is a verdict
    assert [change for change in events if change.op in ("replace", "remove")] == []
    told = [error["loc"] for change in events if change.op == "invalid" for error in cast("list[Any]", change.value)]
    refused = [("rows", at) for at, row in enumerate(table["rows"]) if not fits(Row, with_fitting_tags(row))]
    assert {loc[:2] for loc in told} >= set(refused)
    assert tidy(events) == tidy(gather([text] | accumulate() | validate(Table, on_invalid="drop")))


# -- hints change nothing else -----------------------------------------------------------------------------------


class Hinted(BaseModel):
    name: Annotated[str, Stream(needed=True), Field(max_length=3)]
    color: Annotated[Color, Stream(eager=True, hold=True)] = Color.RED
    rows: Annotated[list[Annotated[Row, Stream(hold=True)]], Field(max_length=2), Stream(on_invalid="emit")] = []

    @field_validator("name")
    @classmethod
    def _upper(cls, name: str) -> str:
        return name.upper()


def test_to_pydantic_a_hint_is_nothing() -> None:
    class Plain(BaseModel):
        name: Annotated[str, Field(max_length=3)]
        color: Color = Color.RED
        rows: Annotated[list[Row], Field(max_length=2)] = []

    hinted, plain = Hinted.model_json_schema(), Plain.model_json_schema()
    assert {**hinted, "title": ""} == {**plain, "title": ""}
    assert Hinted.model_validate({"name": "ab"}).name == "AB"


@pytest.mark.parametrize(
    "text",
    [
        '{"color": "green", "rows": [{"n": 1}], "name": "abc"}',
        '{"color": "blue", "rows": [{"n": 0}, {"n": 1}, 2], "name": "abcd"}',
        '{"rows": {}}',
    ],
)
def test_with_hints_a_document_means_the_same(text: str) -> None:
    try:
        wanted: Any = Hinted.model_validate_json(text)
    except ValidationError as error:
        wanted = sorted((each["loc"], each["type"]) for each in error.errors())
    events = gather(list(text) | accumulate() | validate(Hinted) | diff())
    end = cast("End", events[-1].value)
    if isinstance(end.error, InvalidResult):
        assert sorted((each["loc"], each["type"]) for each in end.error.errors) == wanted
    else:
        assert events[-2].value == wanted


def test_another_word_is_refused() -> None:
    with pytest.raises(ValueError, match="on_invalid is 'emit', 'raise' or 'drop', got 'ignore'"):
        validate(Row, on_invalid=cast("Any", "ignore"))

"""`snapshots()` and `Partial[Model]`: the model as it stands, usable at any moment, sharing what did not change."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    SecretStr,
    computed_field,
    field_serializer,
)
from support.flows import gather, keys, look, spread
from support.strategies import LAW, Kind, cut, documents, has_twins, models, sizes, write

from streamkit import Change, Document, End, InvalidResult, JsonSyntaxError, Partial, Stage, Truncated, extract
from streamkit.changes.change import Path
from streamkit.operators import accumulate, diff, snapshots, tap, validate


class User(BaseModel):
    name: str
    age: int


class Team(BaseModel):
    title: str
    lead: User | None = None
    users: list[User] = []
    by_role: dict[str, User] = {}
    tags: list[str] = Field(default_factory=lambda: ["made"])


TEAM = """{"title": "A", "lead": {"name": "Lea", "age": 3}, "users": [{"name": "John", "age": 25},
 {"name": "Ann", "age": 30}], "by_role": {"dev": {"name": "Dee", "age": 4}}}"""


def partials(text: str, model: type[Any] = Team, step: int = 1) -> list[Any]:
    return list(cut(text, [step]) | extract(model) | snapshots(model))


def names(users: Sequence[Any]) -> list[tuple[Any, Any]]:
    return [(user.name, user.age) for user in users]


# -- the seed's table --------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_seeds_table(batch: int) -> None:
    rows = {'{"name": "Jo': ("Jo", None), 'hn", "ag': ("John", None), 'e":': None, " 25}": ("John", 25)}
    assert names(list(list(rows) | extract(User) | snapshots(User))) == [
        row for row in rows.values() if row is not None
    ]
    by_piece = names(partials("".join(rows), User, batch))
    assert by_piece[-1] == ("John", 25)
    assert all("John".startswith(name or "") and age in (None, 25) for name, age in by_piece)


def test_a_snapshot_comes_only_when_something_is_to_be_seen() -> None:
    pieces = ["{", " ", '"name"', " : ", '"Jo"', ", ", '"age": 2', "5", "}", "\n"]
    assert names(list(pieces | extract(User) | snapshots(User))) == [(None, None), ("Jo", None), ("Jo", 25)]


def test_the_last_one_is_the_complete_value_itself() -> None:
    roots: list[object] = []

    def keep(change: Change[Any]) -> None:
        if change.op == "complete" and not change.path:
            roots.append(change.value)

    stages = extract(Team) | tap(keep)
    seen: list[Any] = list(cut(TEAM, [3]) | stages | snapshots(Team))
    assert seen[-1] is roots[0]
    assert type(seen[-1]) is Team
    assert {type(each) for each in seen[:-1]} == {Partial[Team]}


# -- what is shown -----------------------------------------------------------------------------------


def test_a_partial_is_an_instance_of_the_model_and_named_like_it() -> None:
    first = interrupted('{"name": "Jo"', User)
    assert isinstance(first, User)
    assert type(first) is Partial[User]
    assert Partial[Partial[User]] is Partial[User]
    assert repr(first) == "User(name='Jo', age=None)"
    assert str(first) == "name='Jo' age=None"


def interrupted(text: str, model: type[Any]) -> Any:
    """The partial that an unfinished text leaves."""
    seen, error = gather([text] | extract(model) | snapshots(model))
    assert isinstance(error, Truncated)
    return seen[-1]


class Shown(BaseModel):
    unseen: str
    plain: int = 7
    listed: list[int] = [1]
    made: list[int] = Field(default_factory=lambda: [2])
    user: User = User(name="x", age=1)
    maybe: User | None = None
    word: Literal["a", "b"] = "a"


def test_an_unseen_field_shows_its_plain_default_else_none() -> None:
    shown = interrupted("{", Shown)
    assert shown.model_dump() == {
        **dict.fromkeys(["unseen", "listed", "made", "user", "maybe"]),
        "plain": 7,
        "word": "a",
    }
    assert shown.model_fields_set == set()


def test_model_fields_set_tells_what_has_arrived() -> None:
    pieces = ['{"title":', '"A', '", "lead"', ':{"na', 'me":"L', '", "age": 1', '}, "users": [', "{", "}]"]
    teams, _ = gather(pieces | extract(Team) | snapshots(Team))
    seen = [team.model_fields_set for team in teams]
    inner = [team.lead and team.lead.model_fields_set for team in teams]
    assert seen == [set(), {"title"}, *[{"title", "lead"}] * 2, *[{"title", "lead", "users"}] * 2]
    assert inner == [None, None, set(), {"name"}, {"name", "age"}, {"name", "age"}]


def test_a_factory_runs_when_its_object_closes() -> None:
    calls: list[int] = []

    def make() -> int:
        calls.append(1)
        return len(calls)

    class Made(BaseModel):
        name: str
        at: int = Field(default_factory=make)

    seen = [each.at for each in ['{"name": "a', 'b"', "}"] | extract(Made) | snapshots(Made)]
    assert seen == [None, None, 1]
    assert calls == [1]


def test_a_nested_model_is_a_partial_of_its_own_until_it_closes() -> None:
    team = interrupted('{"users": [{"name": "John", "age": 25}, {"name": "An', Team)
    assert [type(user) for user in team.users] == [User, Partial[User]]
    assert (team.users[1].name, team.users[1].age) == ("An", None)
    lead = interrupted('{"by_role": {"dev": {"name": "D', Team).by_role["dev"]
    assert type(lead) is Partial[User]


def test_a_wrong_value_shows_none_and_what_is_right_beside_it_stays() -> None:
    seen, error = gather(['{"name": "Jo", "age": "old"', "}"] | extract(User) | snapshots(User))
    assert names(seen) == [("Jo", None)]
    assert isinstance(error, InvalidResult)
    assert error.partial is seen[-1]


@pytest.mark.parametrize("wrong", ["[]", "[1]", "{}", '{"a": {"b": "c"}}', "[[", "1"])
def test_a_wrong_value_is_not_shown_whatever_it_is(wrong: str) -> None:
    user = interrupted('{"age": 1, "name": ' + wrong, User)
    assert (user.name, user.age) == (None, 1)
    assert user.model_dump() == {"name": None, "age": 1}


def test_a_wrong_value_that_is_made_good_by_a_second_one_is_not_shown_either() -> None:
    assert names(partials('{"name": [1], "age": 1, "name": "Jo"}', User))[-1] == ("Jo", 1)
    assert all(user.model_dump_json() for user in partials('{"name": [], "age": 1, "name": "Jo"}', User))


def test_roots_that_are_no_models() -> None:
    users = list(
        ['[{"name": "A', '", "age": 1}', ', {"name": "B", "age": 2}]'] | extract(list[User]) | snapshots(list[User])
    )
    assert list(map(names, users)) == [[("A", None)], [("A", 1)], [("A", 1), ("B", 2)]]
    assert list(['"Jo', 'hn"'] | extract(str) | snapshots(str)) == ["Jo", "John"]
    assert list(["1", "2"] | extract(int) | snapshots(int)) == [12]
    assert list(["null"] | extract(object) | snapshots(object)) == [None]
    by_key: Any = dict[str, list[int]]
    assert list(['{"a": [1', ", 2]}"] | extract(by_key) | snapshots(by_key)) == [{"a": []}, {"a": [1, 2]}]


# -- which model -------------------------------------------------------------------------------------


def test_the_model_comes_from_the_stage_before() -> None:
    pieces = ['{"name":"Jo"', ',"age":1}']
    stages: Any = (extract(User), accumulate() | validate(User), extract(User) | tap(look))
    for before in stages:
        assert [type(user) for user in pieces | before | snapshots()] == [Partial[User], User]


def test_without_a_model_there_is_an_error_that_says_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"put it after validate\(Model\) or extract\(Model\)"):
        assert "{}" | accumulate() | snapshots()
    nothing: list[Change[Any]] = []
    with pytest.raises(TypeError, match=r"snapshots\(\) needs a model: give it one"):
        list(nothing | cast("Stage[Any, Any]", snapshots()))


def test_partial_takes_models_only() -> None:
    made: Any = Partial
    with pytest.raises(TypeError, match="takes a pydantic model"):
        made[int]


# -- sharing -----------------------------------------------------------------------------------------


@LAW
@given(sizes)
def test_what_is_complete_is_one_object_from_then_on(lengths: list[int]) -> None:
    complete: dict[Path, object] = {}

    def keep(change: Change[Any]) -> None:
        if change.op == "complete":
            complete[change.path] = change.value

    known: dict[Path, object] = {}
    for team in cut(TEAM, lengths) | extract(Team) | tap(keep) | snapshots(Team):
        for path, value in _parts((), team):
            if path in complete:
                assert value is complete[path]
            assert known.setdefault(path, value) is value if path in known and path in complete else True
    assert set(complete) >= {("lead",), ("users", 0), ("users", 1), ("users",), ("by_role", "dev"), ("tags",)}


def _parts(path: Path, value: Any) -> Iterator[tuple[Path, object]]:
    """The containers in a value, models and others."""
    inside: Any = value.__dict__ if isinstance(value, BaseModel) else value
    if keys(inside):
        yield path, value
    for key in keys(inside):
        yield from _parts((*path, key), inside[key])


def test_what_did_not_change_is_the_same_object_even_while_it_is_open() -> None:
    pieces = [
        '{"title": "A", "users": [{"name": "J"',
        ', "age": 1}, {"name": "A"',
        ', "age": 2}], "tags": ["x"',
        '], "lead": {"name": "L"',
        ', "age": 3}}',
    ]
    seen: list[Team] = list(pieces | extract(Team) | snapshots(Team))
    one, two, three, four, five = seen
    assert one.users[0] is not two.users[0]
    assert two.users[0] is three.users[0] is five.users[0]
    assert two.users[1] is not three.users[1]
    assert three.users is four.users is five.users
    assert three.tags is not four.tags
    assert four.tags is five.tags
    assert [type(four.lead), type(five.lead)] == [Partial[User], User]


def test_a_snapshot_holds_what_is_its_own_and_no_more() -> None:
    items = ",".join(f'{{"name": "{at}", "age": {at}}}' for at in range(200))
    seen = partials('{"title": "T", "users": [' + items + "]}", Team, 4)
    different = {id(user) for team in seen for user in team.users or ()}
    assert len(different) <= 4 * 200  # a user is new while it is open, in some four snapshots


# -- snapshots stay as they were ---------------------------------------------------------------------


@LAW
@given(st.data(), models(), sizes)
def test_a_snapshot_handed_out_never_changes_and_shows_what_the_document_says(
    data: st.DataObject, kind: Kind, lengths: list[int]
) -> None:
    assume(not kind.may_revise)  # user code may edit what was handed out, and give a field what is not of its type
    tree = data.draw(documents(kind))
    document = Document()
    kept: list[tuple[Any, str]] = []

    def check(each: Any) -> None:
        kept.append((each, repr(_state(each))))
        if isinstance(each, BaseModel):
            assert each.model_dump_json()
            dumped = each.model_dump(mode="json", by_alias=False)
            if not has_twins(tree):
                _check_shown((), document, document.value, dumped)

    chunks = cut(write(tree), lengths)
    _, error = gather(chunks | extract(kind.tp) | tap(document.apply) | snapshots(kind.tp) | tap(check))
    assert error is None or isinstance(error, (InvalidResult, Truncated, JsonSyntaxError))
    assert all(repr(_state(each)) == then for each, then in kept)


@LAW
@given(st.data(), models(), sizes)
def test_user_code_that_revises_a_value_does_not_break_the_snapshots(
    data: st.DataObject, kind: Kind, lengths: list[int]
) -> None:
    chunks = cut(write(data.draw(documents(kind))), lengths)
    seen, error = gather(chunks | extract(kind.tp) | snapshots(kind.tp))
    assert error is None or isinstance(error, InvalidResult)
    assert seen
    if error is None:
        assert type(seen[-1]) is kind.tp


def _state(value: Any) -> Any:
    """All of a value, models included."""
    if isinstance(value, BaseModel):
        return type(value).__name__, sorted(value.model_fields_set), [_state(each) for each in value]
    return [(key, _state(value[key])) for key in keys(value)] if keys(value) else value


def _check_shown(path: Path, document: Document, said: Any, shown: Any) -> None:
    if document.state(path) == "invalid":  # shown as None, or without what its serializers would make of it
        return
    if type(said) not in (dict, list):
        assert said == shown, f"{said!r} is shown as {shown!r} at {path}"
    for key in keys(said):
        inner = (*path, key)
        if document.state(inner) != "invalid":
            assert key in keys(shown), f"not shown: {inner}"
            _check_shown(inner, document, said[key], shown[key])


# -- everything a model can hold, dumped at every character --------------------------------------------


class Color(Enum):
    RED = "red"


class Inner(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    inner_name: str = Field(alias="innerName")
    when: date | None = None


class Kitchen(BaseModel):
    model_config = ConfigDict(
        extra="allow", ser_json_timedelta="float", ser_json_bytes="base64", val_json_bytes="base64"
    )

    name: str
    secret: SecretStr
    hidden: str = Field(default="h", exclude=True)
    quiet: str = Field(default="q", repr=False)
    color: Color
    kind: Literal["a", "b"]
    price: Decimal
    day: date
    at: datetime
    lasts: timedelta
    key: UUID
    data: bytes
    ratio: float
    inner: Inner
    inners: list[Inner]
    by_name: dict[str, Inner]
    maybe: Inner | None
    either: Inner | int
    pair: tuple[int, str]
    marked: Annotated[int, PlainSerializer(lambda value: f"<{value}>", return_type=str)]
    shouted: str
    aliased: str = Field(alias="AlIaSed")
    written: str = Field(validation_alias="in", serialization_alias="out")
    numbers: set[int] = set()
    made: list[int] = Field(default_factory=lambda: [1])
    _note: str = PrivateAttr(default="note")
    _list: list[int] = PrivateAttr(default_factory=list[int])

    @field_serializer("shouted")
    def _shout(self, value: str) -> str:
        return value.upper()

    @computed_field  # type: ignore[prop-decorator]  # pydantic's way
    @property
    def title(self) -> str:
        return self.name.upper() + str(self.price + 1)


INNER = {"innerName": "i", "when": "2024-01-02", "more": [1]}
KITCHEN = json.dumps(
    {
        "name": "John",
        "secret": "s3cret",
        "hidden": "x",
        "quiet": "loud",
        "color": "red",
        "kind": "a",
        "price": "1.50",
        "day": "2024-02-29",
        "at": "2024-02-29T12:00:00Z",
        "lasts": "P1D",
        "key": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "data": "AAEC",
        "ratio": 0.5,
        "inner": INNER,
        "inners": [INNER, INNER],
        "by_name": {"a": INNER},
        "maybe": INNER,
        "either": INNER,
        "pair": [1, "x"],
        "marked": 5,
        "shouted": "hey",
        "AlIaSed": "al",
        "in": "written",
        "numbers": [1],
        "unknown": {"a": ["b"]},
    }
)

USES: dict[str, Callable[[Any], object]] = {
    "dump": lambda model: model.model_dump(),
    "dump json": lambda model: model.model_dump(mode="json"),
    "dump_json": lambda model: model.model_dump_json(),
    "indented": lambda model: model.model_dump_json(indent=2),
    "by alias": lambda model: model.model_dump(by_alias=True),
    "by alias json": lambda model: model.model_dump_json(by_alias=True),
    "unset out": lambda model: model.model_dump(exclude_unset=True, exclude_none=True, exclude_defaults=True),
    "some": lambda model: model.model_dump_json(include={"name", "inner", "inners"}),
    "round trip": lambda model: model.model_dump(round_trip=True),
    "repr": repr,
    "str": str,
    "equal": lambda model: model == model.model_copy() and model != 1,
    "deep copy": lambda model: copy.deepcopy(model) == model,
    "copy": lambda model: copy.copy(model) == model,
    "items": dict,
    "private": lambda model: model._note,
    "extra": lambda model: model.model_extra,
}


@pytest.fixture(scope="module")
def kitchens() -> list[Kitchen]:
    return partials(KITCHEN, Kitchen)


@pytest.mark.parametrize("use", USES)
def test_a_partial_can_be_used_at_any_character(kitchens: list[Kitchen], use: str) -> None:
    assert len(kitchens) > 60
    for each in kitchens:
        assert USES[use](each) is not None


def test_fields_that_have_come_are_dumped_as_in_the_end(kitchens: list[Kitchen]) -> None:
    for by_alias in (False, True):
        last = kitchens[-1].model_dump(mode="json", by_alias=by_alias)
        before = kitchens[-2].model_dump(mode="json", by_alias=by_alias)
        missing = {"title", "shouted", "made"}  # told when the object closes
        assert {key: value for key, value in last.items() if key not in missing} == {
            key: value for key, value in before.items() if key not in missing
        }
        assert json.loads(kitchens[-2].model_dump_json(by_alias=by_alias)) == before


def test_a_partial_survives_pickling(kitchens: list[Kitchen]) -> None:
    for each in kitchens[::5]:
        twin: Kitchen = pickle.loads(pickle.dumps(each))  # noqa: S301  # our own
        assert type(twin) is type(each)
        assert twin == each
        assert twin.model_fields_set == each.model_fields_set
        assert twin.model_dump() == each.model_dump()


def test_repr_keeps_quiet_about_fields_that_the_model_keeps_quiet_about(kitchens: list[Kitchen]) -> None:
    assert not any("quiet" in repr(each) for each in kitchens)
    assert not any("s3cret" in repr(each) or "s3cret" in each.model_dump_json() for each in kitchens)


def test_extra_values_are_shown_as_extra(kitchens: list[Kitchen]) -> None:
    assert kitchens[-2].model_extra == {"unknown": {"a": ["b"]}}
    extra: Any = kitchens[-2]
    assert extra.unknown == {"a": ["b"]}


def test_what_the_dump_leaves_out_it_leaves_out_of_a_partial(kitchens: list[Kitchen]) -> None:
    assert not any("hidden" in each.model_dump() for each in kitchens)


def test_a_partial_of_a_frozen_model_is_frozen_and_has_a_hash() -> None:
    class Frozen(BaseModel):
        model_config = ConfigDict(frozen=True)
        name: str
        age: int

    one, other = (interrupted('{"name": "Jo"', Frozen) for _ in range(2))
    assert hash(one) == hash(other)
    with pytest.raises(ValueError, match="frozen"):
        one.name = "x"


def test_a_partial_speaks_aliases_where_its_model_does() -> None:
    class Aliased(BaseModel):
        model_config = ConfigDict(serialize_by_alias=True, alias_generator=str.title)
        name: str
        age: int

    partial = interrupted('{"Name": "Jo"', Aliased)
    assert partial.model_dump() == {"Name": "Jo", "Age": None}
    assert partial.model_dump(by_alias=False) == {"name": "Jo", "age": None}


def test_making_a_partial_class_does_not_tell_the_models_own_registry() -> None:
    made: list[str] = []

    class Registered(BaseModel):
        name: str

        @classmethod
        def __pydantic_init_subclass__(cls, **options: Any) -> None:
            made.append(cls.__name__)

    class Child(Registered):
        pass

    assert interrupted('{"name": "Jo', Child).name == "Jo"
    assert made == ["Child"]


# -- ends --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        (['{"name": "Jo', 'hn"'], Truncated),
        (['{"name": "John"'], Truncated),
        (['{"name": "John", oops'], JsonSyntaxError),
        (['{"name": "John"', ", oops"], JsonSyntaxError),
        (['{"name": "John", "age": "x"}'], InvalidResult),
        (['{"name": "John"}'], InvalidResult),
    ],
)
def test_a_stream_that_ends_badly_raises_after_its_last_snapshot_and_carries_it(
    pieces: list[str], kind: type[Exception]
) -> None:
    seen, error = gather(pieces | extract(User) | snapshots(User))
    assert names(seen)[-1] == ("John", None)
    assert type(error) is kind
    assert getattr(error, "partial", None) is seen[-1]


def test_before_anything_came_there_is_no_partial() -> None:
    with pytest.raises(Truncated) as raised:
        list([""] | extract(User) | snapshots(User))
    assert raised.value.partial is None


def test_a_source_that_fails_raises_its_own_error_after_the_last_snapshot() -> None:
    def failing() -> Iterator[str]:
        yield '{"name": "Jo"'
        raise ConnectionError("gone")

    seen, error = gather(failing() | extract(User) | snapshots(User))
    assert names(seen) == [("Jo", None)]
    assert isinstance(error, ConnectionError)


# -- a new attempt -----------------------------------------------------------------------------------


def laid(model: type[Any], old: Sequence[str], new: Sequence[str]) -> tuple[list[Any], list[Any]]:
    """The snapshots of one attempt and of the next, and the last result."""
    first = [[c for c in batch if c.op != "end"] for batch in _batches(old, model)]
    second = _batches(new, model)
    flow = [*first, [Change("reset", (), "again")], *second] | spread(model) | diff() | snapshots(model)
    roots = [c.value for batch in second for c in batch if c.op == "complete" and not c.path]
    return list(flow), roots


def _batches(pieces: Sequence[str], model: type[Any]) -> list[Sequence[Change[Any]]]:
    return list((pieces | accumulate() | validate(model)).batches())


def test_after_a_reset_the_partials_follow_the_new_attempt() -> None:
    seen, roots = laid(
        Team,
        ['{"title": "Alpha", "users": [{"name": "John", "age": 1}, {"name": "Ann"'],
        ['{"title": "Al', 'so", ', '"users": [{"name": "Joan", "age"', ": 1", '}], "lead": null', "}"],
    )
    assert [(each.title, [user.name for user in each.users]) for each in seen] == [
        ("Alpha", ["John", "Ann"]),
        ("Also", ["John", "Ann"]),
        ("Also", ["Joan", "Ann"]),
        ("Also", ["Joan"]),
        ("Also", ["Joan"]),
    ]
    assert seen[-1] is roots[0]


def test_after_a_reset_what_did_not_change_is_still_whole() -> None:
    text = '{"title": "A", "users": [{"name": "John", "age": 1}], "tags": ["x"]}'
    seen, roots = laid(
        Team, [text], list(cut(text[:-1].replace("]}", "]") + ', "lead": {"name": "L", "age": 2}}', [5]))
    )
    assert seen[-1] is roots[0]
    assert all(each.users[0].name == "John" and each.tags == ["x"] for each in seen)


@LAW
@given(st.data(), sizes)
def test_after_a_reset_the_last_snapshot_is_the_new_result(data: st.DataObject, lengths: list[int]) -> None:
    users: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {"name": st.sampled_from(["John", "Jo", "Ann", ""]), "age": st.integers(0, 3)}
    )
    teams: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {"title": st.sampled_from(["A", "Al", "Bo"])},
        optional={
            "lead": st.none() | users,
            "users": st.lists(users, max_size=3),
            "by_role": st.dictionaries(st.sampled_from(["a", "b"]), users),
            "tags": st.lists(st.sampled_from(["x", "y"]), max_size=2),
        },
    )
    old, new = (json.dumps(data.draw(teams)) for _ in range(2))
    old = old[: data.draw(st.integers(0, len(old)))]
    seen, roots = laid(Team, list(cut(old, lengths)), list(cut(new, lengths)))
    assert seen[-1] is roots[0]
    assert seen[-1] == Team.model_validate_json(new)
    assert all(each is None or each.model_dump_json() for each in seen)


def test_an_end_alone_makes_no_snapshot() -> None:
    end: Change[Any] = Change("end", (), End("complete"))
    assert list([end] | snapshots(User)) == []

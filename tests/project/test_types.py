"""What type checkers see: `make lint` checks the `assert_type`s, the test runs them."""

from collections.abc import AsyncIterator, Sequence
from typing import assert_type

from pydantic import BaseModel

from streamkit import Change, End, Flow, Partial, Pipeline, Stage, extract
from streamkit.flow import Reason, Through
from streamkit.operators import accumulate, coalesce, dedupe, diff, select, snapshots, tap, validate


class User(BaseModel):
    name: str


TEXT = ['{"name": ', '"Jo"}']


def test_a_flow_knows_its_item_type() -> None:
    assert_type(TEXT | extract(User), Flow[Change[User]])
    assert_type(TEXT | accumulate(), Flow[Change[object]])
    assert_type(TEXT | accumulate() | validate(User), Flow[Change[User]])
    assert_type(TEXT | accumulate() | validate(User) | diff(), Flow[Change[User]])
    assert_type(TEXT | extract(User) | coalesce() | select("/name"), Flow[Change[User]])
    assert_type(TEXT | extract(User) | tap(print) | snapshots(), Flow[User])
    assert_type(TEXT | extract(User) | snapshots(User) | dedupe(), Flow[User])
    assert_type([1, 1] | dedupe(), Flow[int])
    assert_type([{"a": 1}] | diff(), Flow[Change[object]])


def test_a_pipeline_knows_its_input_and_output_types() -> None:
    typed = accumulate() | tap(id) | validate(User) | diff()
    assert_type(typed, Pipeline[str | bytes, Change[User]])
    assert_type(extract(User) | coalesce() | snapshots(), Pipeline[str | bytes, User])
    assert_type(extract(User)(TEXT), Flow[Change[User]])


async def test_a_result_is_the_model() -> None:
    async def chunks() -> AsyncIterator[str]:
        for piece in TEXT:
            yield piece

    assert_type((TEXT | extract(User)).result_sync(), User)
    assert_type(await (chunks() | extract(User)).result(), User)
    assert_type(await (chunks() | accumulate() | validate(User) | diff()).result(), User)


def test_a_partial_has_the_models_attributes() -> None:
    def name(user: Partial[User]) -> str:
        return user.name

    assert [name(user) for user in TEXT | extract(User) | snapshots()] == [None, "Jo"]


class OwnMachine:
    """A machine as in the tutorial."""

    def feed(self, change: Change, /) -> Sequence[Change]:
        return [change]

    def close(self, reason: Reason, /) -> Sequence[Change]:
        return []


def own() -> Stage[Change, Change]:
    return Stage(OwnMachine)


def own_through() -> Through:
    return Through(OwnMachine, "own_through")


def test_after_a_through_the_root_keeps_its_type() -> None:
    assert_type(TEXT | extract(User) | own_through(), Flow[Change[User]])
    assert_type(extract(User) | own_through() | diff(), Pipeline[str | bytes, Change[User]])
    user = (TEXT | extract(User) | own_through()).result_sync()
    assert_type(user, User)
    assert user.name == "Jo"
    assert repr(extract(User) | own_through()).endswith("| diff | own_through")


def test_after_another_stage_of_changes_the_root_is_an_object() -> None:
    assert_type(TEXT | extract(User) | own(), Flow[Change[object]])
    assert_type((TEXT | extract(User) | own()).result_sync(), object)


def test_a_match_statement_narrows_a_change() -> None:
    def described(change: Change[User]) -> object:
        match change:
            case Change("complete", (), User() as user):
                return assert_type(user, User)
            case Change("complete", (str(key),), value):
                assert_type(key, str)
                return assert_type(value, object)  # no type knows what is at which path
            case Change("end", _, End() as end):
                return assert_type(end, End).status
            case other:
                return assert_type(other, Change[User]).op

    assert [described(change) for change in TEXT | extract(User)] == ["add", "add", "Jo", User(name="Jo"), "complete"]

"""What type checkers see: `make lint` checks the `assert_type`s, the test runs them."""

from collections.abc import AsyncIterator
from typing import assert_type

from pydantic import BaseModel

from streamkit import Change, Flow, Partial, Pipeline, extract
from streamkit.operators import accumulate, coalesce, dedupe, diff, select, snapshots, tap, validate


class User(BaseModel):
    name: str


TEXT = ['{"name": ', '"Jo"}']


def test_a_flow_knows_what_it_gives() -> None:
    assert_type(TEXT | extract(User), Flow[Change[User]])
    assert_type(TEXT | accumulate(), Flow[Change[object]])
    assert_type(TEXT | accumulate() | validate(User), Flow[Change[User]])
    assert_type(TEXT | accumulate() | validate(User) | diff(), Flow[Change[User]])
    assert_type(TEXT | extract(User) | coalesce() | select("/name"), Flow[Change[User]])
    assert_type(TEXT | extract(User) | tap(print) | snapshots(), Flow[User])
    assert_type(TEXT | extract(User) | snapshots(User) | dedupe(), Flow[User])
    assert_type([1, 1] | dedupe(), Flow[int])
    assert_type([{"a": 1}] | diff(), Flow[Change[object]])


def test_a_pipeline_knows_what_it_takes_and_gives() -> None:
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

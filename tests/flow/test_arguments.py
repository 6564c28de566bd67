"""Error messages for pipelines that are composed wrongly: each of these was somebody's first try."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import BaseModel
from support.flows import gather
from support.meeting import MESSAGES

from streamkit import Change, Document, Stage, extract, from_provider
from streamkit.client import Client
from streamkit.operators import accumulate, catch, completed, map_async, merge_runs, on_end, select, snapshots, tap
from streamkit.sinks import callbacks, jsonlines
from streamkit.testing import LoopbackServer, chat_events, verify_stage


class User(BaseModel):
    name: str


CHUNKS = ['{"name": "J', 'o"}']
CLIENT: Client = from_provider("local/m", base_url="http://127.0.0.1:9/v1", max_retries=0)


async def arriving() -> AsyncIterator[str]:
    for chunk in CHUNKS:
        yield chunk


async def fetched() -> str:
    return "".join(CHUNKS)


class Machine:
    """A user's machine that returns what a function returns."""

    def __init__(self, returned: Callable[[Any], Any] = lambda item: [item]) -> None:
        self.feed = returned

    def close(self, reason: object) -> Sequence[object]:
        return []


@pytest.mark.parametrize("stage", [completed("/name"), select("/name"), snapshots(User)])
def test_operators_on_changes_refuse_other_items(stage: Any) -> None:
    for before in (CHUNKS, CHUNKS | extract(User) | completed()):
        with pytest.raises(
            TypeError, match=rf"{stage.name.partition('(')[0]}\(\) takes changes, got .*behind extract\(Model\)"
        ):
            list(before | stage)


@pytest.mark.parametrize("forgotten", [snapshots, completed, extract])
def test_a_stage_function_without_parentheses_is_refused(forgotten: Any) -> None:
    with pytest.raises(TypeError, match=rf"write \| {forgotten.__name__}\(\.\.\.\), with its parentheses"):
        _ = cast("Any", CHUNKS | extract(User)) | forgotten


def test_a_source_after_a_pipeline_is_refused() -> None:
    with pytest.raises(TypeError, match=r"write source \| accumulate \| validate\(User\) \| diff$"):
        _ = cast("Any", extract(User)) | CHUNKS


def test_changes_are_not_read_as_text() -> None:
    with pytest.raises(TypeError, match="text is read once, where the pipeline begins") as raised:
        list(CHUNKS | extract(User) | cast("Any", extract(User)))
    assert "raised while the root was read" in raised.value.__notes__


def test_an_object_that_is_almost_a_source_gets_a_hint() -> None:
    coroutine = fetched()
    for source, hint in [
        (arriving, r"call it: arriving\(\)"),
        (coroutine, "await it first"),
        (Path("answer.json"), r"to read a file, write streamkit\.sources\.file\(path\)"),
        ({"name": "Jo"}, "write its text"),
    ]:
        with pytest.raises(TypeError, match=rf"cannot stream from .*; .*{hint}"):
            _ = cast("Any", source) | extract(User)
    coroutine.close()


def itself(item: object) -> object:
    return item


def nothing(item: object) -> object:
    return None


def text(item: object) -> object:
    return "abc"


@pytest.mark.parametrize(("returned", "told"), [(itself, "Change("), (nothing, "None"), (text, "'abc'")])
def test_a_machine_must_return_a_list(returned: Any, told: str) -> None:
    said = rf"Machine\.feed\(\) returned {re.escape(told)}.*: return a list of outputs, \[\] if nothing"
    stage = Stage(lambda: Machine(returned), "mine")
    for flow in (CHUNKS | extract(User) | stage, [Change("add", (), {})] | stage):
        with pytest.raises(TypeError, match=said):
            list(flow)


@pytest.mark.parametrize("returned", [nothing, text, len])
def test_a_later_machine_that_returns_no_list_fails_the_stream(returned: Any) -> None:
    flow: Any = ["[", "1]"] | accumulate() | Stage(lambda: Machine(returned), "mine", emits_changes=True)
    told, error = gather(flow)
    assert [(each.op, each.value.status, each.value.open) for each in told] == [("end", "failed", ())]
    assert "Machine.feed() returned" in str(error)


def test_a_machine_may_return_any_other_sequence() -> None:
    assert list([1, 2] | Stage(lambda: Machine(range))) == [0, 0, 1]


def test_a_machine_is_not_a_stage() -> None:
    with pytest.raises(TypeError, match=r"Machine is a machine: write \| Stage\(Machine\)"):
        _ = cast("Any", CHUNKS | extract(User)) | Machine()
    with pytest.raises(TypeError, match=r"verify_stage\(\) takes a stage, got .*: call what makes it"):
        verify_stage(cast("Any", snapshots), CHUNKS)


def test_nothing_can_follow_a_sink(tmp_path: Path) -> None:
    with (tmp_path / "changes").open("w") as file:
        delivery: Any = CHUNKS | extract(User) | jsonlines(file)
        for misused in (delivery, delivery | snapshots(User)):
            with pytest.raises(TypeError, match="nothing stands behind a sink"):
                list(misused)


def test_sinks_refuse_other_arguments() -> None:
    with pytest.raises(TypeError, match=r"a file open for text, got 'out': write open\(path, 'w'\)"):
        jsonlines(cast("Any", "out"))
    with pytest.raises(TypeError, match=r"functions by pattern, as in \{'/\*\*': print\}"):
        callbacks(cast("Any", print))


def test_tools_need_distinct_names() -> None:
    with pytest.raises(ValueError, match="needs a tool to offer"):
        CLIENT.stream_tools([], messages=MESSAGES)
    with pytest.raises(ValueError, match=r"two have the same: \['User', 'User'\]"):
        CLIENT.stream_tools([User, User], messages=MESSAGES)
    with pytest.raises(TypeError, match="a tool has its model's name"):
        CLIENT.stream_tools(cast("Any", {"user": User}), messages=MESSAGES)


def test_completed_values_of_a_run_have_a_type() -> None:
    with LoopbackServer(chat_events(CHUNKS)) as server, from_provider("local/m", base_url=server.base_url) as client:
        names: list[str] = list(client.stream(User, messages=MESSAGES).completed(of=str))
        assert names == ["Jo"]

    async def main() -> list[User]:
        with LoopbackServer(chat_events(CHUNKS)) as server:
            async with from_provider("local/m", base_url=server.base_url, async_client=True) as client:
                return [user async for user in client.stream(User, messages=MESSAGES).completed("/**", of=User)]

    assert asyncio.run(main()) == [User(name="Jo")]


def test_a_run_is_not_awaited() -> None:
    async def main() -> None:
        async with from_provider("local/m", base_url="http://127.0.0.1:9/v1", async_client=True) as client:
            one: Any = client.stream(User, messages=MESSAGES)
            several: Any = client.stream_tools([User], messages=MESSAGES)
            for run, result in ((one, r"\.result\(\)"), (several, r"\.results\(\)")):
                with pytest.raises(TypeError, match=rf"a run is not awaited itself: write 'async with .*{result}"):
                    await run

    asyncio.run(main())


def opened(*, async_client: bool) -> Any:
    return from_provider("local/m", base_url="http://127.0.0.1:9/v1", async_client=async_client)


def runs_of(client: Any) -> list[Any]:
    several = client.stream_choices(User, n=2, messages=MESSAGES), client.stream_tools([User], messages=MESSAGES)
    return [client.stream(User, messages=MESSAGES), *several]


def test_a_sync_client_refuses_async_use() -> None:
    async def main() -> None:
        client = opened(async_client=False)
        for sync in (client, *runs_of(client)):
            name = type(sync).__name__
            with pytest.raises(TypeError, match=rf"{name} belongs to a sync client: .*'with', .*async_client=True"):
                async with sync:
                    pass
        for run, result in zip(runs_of(client), ("result", "results", "results"), strict=True):
            with pytest.raises(TypeError, match=rf"is not awaited: write '....{result}\(\)'; .*async_client=True"):
                await run

    asyncio.run(main())


def test_an_async_client_refuses_sync_use() -> None:
    client = opened(async_client=True)
    for entered in (client, *runs_of(client)):
        name = type(entered).__name__
        with pytest.raises(TypeError, match=f"{name} belongs to an async client: .*'async with', got 'with'"), entered:
            pass
    for run in runs_of(client):
        with pytest.raises(TypeError, match="iterated with 'async for', got 'for'"):
            iter(run)


def test_a_sync_run_is_a_source_in_async_code_too() -> None:
    async def main() -> list[str]:
        with LoopbackServer(chat_events(CHUNKS)) as server, from_provider("local/m", base_url=server.base_url) as sync:
            return [name async for name in sync.stream(User, messages=MESSAGES) | completed("/name", of=str)]

    assert asyncio.run(main()) == ["Jo"]


def test_a_line_of_json_is_not_a_change() -> None:
    line: Any = {"op": "add", "path": [], "value": {}}
    with pytest.raises(ValueError, match="cannot apply 'op' with 'value' at 'path': not a change"):
        Document().apply(line)


@pytest.mark.parametrize("make", [tap, on_end, catch, map_async])
def test_operators_with_a_function_refuse_other_objects(make: Any) -> None:
    with pytest.raises(TypeError, match=rf"{make.__name__}\(\) takes a function, got 'print'"):
        make("print")


def test_map_async_refuses_a_plain_function() -> None:
    flow: Any = arriving() | extract(User) | completed("/name", of=str) | map_async(cast("Any", str.upper))

    async def main() -> None:
        async with flow as names:
            [name async for name in names]

    with pytest.raises(TypeError, match=r"map_async\(\) awaits what its function returns, got 'JO': make it async"):
        asyncio.run(main())


def test_merge_runs_refuses_items_that_are_not_changes() -> None:
    async def main() -> None:
        await merge_runs(cast("Any", {"a": CHUNKS})).result()

    with pytest.raises(TypeError, match=r"merge_runs\(\), of its run 'a', takes changes, got '\{.*extract\(Model\)"):
        asyncio.run(main())

"""What the protocols' own JavaScript libraries show of our streams: the fold, at every frame."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import Phase, given, seed, settings
from pydantic import BaseModel
from support.frames import Batches, read, state, streams
from support.recorder import plain
from support.strategies import LAW

from streamkit import Document, extract
from streamkit.testing import Answer, LoopbackServer
from streamkit.wire import AI_SDK_HEADERS, AguiEncoder, AiSdkEncoder, CompactDecoder, JsonPatchEncoder

# Installing takes seconds: once for the file.
pytestmark = pytest.mark.xdist_group("node")

SCRIPTS = Path(__file__).parent / "node"
PACKAGES = ("ai@7.0.173", "@ag-ui/client@1.0.0", "fast-json-patch@3.1.1")
STREAMS = 60

Node = Callable[..., Any]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Run one of the scripts with the packages installed; returns the JSON that it prints."""
    npm, program = shutil.which("npm"), shutil.which("node")
    if npm is None or program is None:
        pytest.skip("needs node and npm")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"private": true}')
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
    installed = subprocess.run(
        [npm, "install", *quiet, *PACKAGES], cwd=folder, capture_output=True, text=True, check=False
    )
    if installed.returncode:
        pytest.skip(f"cannot install packages with npm: {installed.stderr[-300:]}")
    for script in SCRIPTS.iterdir():
        shutil.copy(script, folder)

    def run(script: str, *arguments: str, given: object = None) -> Any:
        done = subprocess.run(
            [program, script, *arguments],
            cwd=folder,
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def told() -> list[Batches]:
    """Random streams, the same each time; numbers are some that JavaScript has."""
    out: list[Batches] = []

    @seed(0)
    @settings(LAW, max_examples=STREAMS, database=None, phases=[Phase.generate])
    @given(streams)
    def collect(batches: Batches) -> None:
        out.append(batches)

    collect()
    return out


def in_javascript(value: object) -> object:
    """A JSON value in a form whose `==` is that of JavaScript's values."""
    if isinstance(value, dict):
        return {key: in_javascript(child) for key, child in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [in_javascript(child) for child in cast("list[object]", value)]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 2**1023 else None
    return plain(value)


def is_banned(batches: Batches) -> bool:
    """Whether a path has the key that fast-json-patch refuses."""
    return any("__proto__" in change.path or "prototype" in change.path for batch in batches for change in batch)


def test_fast_json_patch(node: Node, told: list[Batches]) -> None:
    able = [batches for batches in told if not is_banned(batches)]
    patches: list[object] = []
    for batches in able:
        encoder = JsonPatchEncoder()
        patches.append([json.loads(encoder.encode(batch)) for batch in batches])
    shown = node("json_patch.mjs", given=patches)
    for batches, values in zip(able, shown, strict=True):
        expected = [in_javascript(each["value"]) for each in read(batches)]
        assert [in_javascript(value) for value in values] == expected


def test_the_client_of_ag_ui(node: Node, told: list[Batches]) -> None:
    answers: list[Answer] = []
    for number, batches in enumerate(told):
        encoder = AguiEncoder("t", f"r{number}")
        answers.append(Answer([encoder.encode(batch) for batch in batches]))
    with LoopbackServer(*answers) as server:
        runs = node("agui.mjs", server.base_url, str(len(told)))
    compared = 0
    for batches, run in zip(told, runs, strict=True):
        assert "raised" not in run or run["raised"] == run["error"]
        seq, document = 0, Document()
        for batch, expected in zip(batches, read(batches), strict=True):
            seq += len(batch)
            for change in batch:
                document.apply(change)
            if str(seq) in run["states"] and "STATE_SNAPSHOT" in run["types"]:
                compared += 1
                assert in_javascript(run["states"][str(seq)]) == in_javascript(expected["value"])
        end = document.end
        assert end is not None
        if "STATE_SNAPSHOT" in run["types"]:
            assert in_javascript(run["last"]) == in_javascript(json.loads(json.dumps(state(document)["value"])))
        assert run["types"][0] == "RUN_STARTED"
        expected_end = {"complete": "success", "cancelled": "cancelled"}.get(end.status)
        assert (run.get("outcome"), run["types"][-1]) == (
            expected_end,
            "RUN_ERROR" if expected_end is None else "RUN_FINISHED",
        )
    assert compared > 2 * len(told)


def test_the_chat_of_the_ai_sdk(node: Node, told: list[Batches]) -> None:
    answers: list[Answer] = []
    for batches in told:
        encoder = AiSdkEncoder()
        answers.append(
            Answer([encoder.encode(batch) for batch in batches], headers=dict(list(AI_SDK_HEADERS.items())[1:]))
        )
    with LoopbackServer(*answers) as server:
        chats = node("ai_sdk.mjs", server.base_url, str(len(told)))
    for batches, chat in zip(told, chats, strict=True):
        decoder, states = CompactDecoder(), read(batches)
        for frame in chat["frames"]:
            decoder.decode(frame)
        expected = states[-1]
        assert in_javascript(state(decoder.document)["value"]) == in_javascript(expected["value"])
        end = cast("dict[str, Any]", expected["end"])
        kept = {"value": expected["value"], "status": end["status"]}
        (part,) = chat["parts"]
        assert (chat["role"], part["type"]) == ("assistant", "data-streamkit")
        assert in_javascript(part["data"]) == in_javascript(kept)
        failed = end["status"] not in ("complete", "cancelled")
        assert chat["isError"] is failed
        assert chat.get("error") == (end["error"] if failed else None)


class User(BaseModel):
    name: str
    age: int


def test_use_object_reads_the_text_itself(node: Node) -> None:
    chunks = ['{"name": "Jo', 'hn", "a', 'ge": 25}']
    assert (chunks | extract(User)).result_sync() == User(name="John", age=25)
    with LoopbackServer(Answer([chunk.encode() for chunk in chunks], content_type="text/plain")) as server:
        shown = node("partial_json.mjs", server.base_url)
    assert shown[-1] == {"name": "John", "age": 25}

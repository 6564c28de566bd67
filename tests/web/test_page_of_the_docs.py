"""The server of docs/web.md: short, and nothing is lost when a browser hangs up in the middle."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import socket
import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from streamkit import Document
from streamkit.sinks import from_json

PAGE = Path(__file__).resolve().parents[2] / "docs" / "web.md"
PROVIDER, SERVER = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[:2]
ANSWER = {"title": "Planning", "users": [{"name": "Jo", "age": 31}, {"name": "Ann", "age": 28}]}


def test_the_server_has_at_most_fifteen_lines_beside_imports_and_models() -> None:
    tree = ast.parse(SERVER)
    counted = [n for n in tree.body if not isinstance(n, (ast.Import, ast.ImportFrom, ast.ClassDef))]
    lines = {line for n in counted for line in range(_first(n), (n.end_lineno or 0) + 1)}
    assert len(lines) <= 15


def _first(node: ast.stmt) -> int:
    return int(min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]))


async def test_nothing_is_lost_when_the_browser_hangs_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in (PROVIDER, SERVER):
        exec(compile(block, str(PAGE), "exec", dont_inherit=True), names)  # noqa: S102  # our own page
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(names["app"], log_config=None, timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as http:
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        run = (await http.post("/runs")).json()["id"]
        async with http.stream("GET", f"/runs/{run}") as response:
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    break
        meeting = await names["hubs"].result(run)
        while rows(names["db"]) < 2:  # noqa: ASYNC110  # the database is slow
            await asyncio.sleep(0.02)
        again = (await http.get(f"/runs/{run}")).text
    server.should_exit = True
    await serving
    await names["client"].aclose()
    names["provider"].__exit__(None, None, None)
    names["log"].close()
    names["db"].close()
    document = Document()
    for text in Path("changes.jsonl").read_text("utf-8").splitlines():  # noqa: ASYNC240  # a small file
        document.apply(from_json(text))
    assert meeting.model_dump() == document.value == ANSWER
    assert json.dumps(ANSWER["title"]) in again


def rows(db: sqlite3.Connection) -> int:
    return len(db.execute("select * from users").fetchall())

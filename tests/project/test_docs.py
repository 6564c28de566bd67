"""Every Python block of the README and of docs/ runs, and prints what the page says it prints.

The blocks of one page share a namespace and one event loop, so `await` stands at the top level as it would in a
notebook. A fence whose info string says `no-run` is compiled and left at that. A `text` block with the comment
`<!-- output -->` before it is what the block above it prints, to the letter.
"""

import ast
import asyncio
import contextlib
import inspect
import io
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(
    r"(?P<output><!-- output -->\s*\n)?"
    r"^(?P<indent>[ ]*)(?P<ticks>`{3,})[ ]*(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)(?P=ticks)[ ]*$",
    re.MULTILINE | re.DOTALL,
)


@dataclass
class Block:
    line: int
    source: str
    run: bool
    output: str | None = None


def blocks_of(text: str) -> list[Block]:
    blocks: list[Block] = []
    for fence in _FENCE.finditer(text):
        body = textwrap.dedent(fence["body"])
        language, *flags = fence["info"].replace("{", " ").replace("}", " ").split() or [""]
        line = text.count("\n", 0, fence.start("body")) + 1
        if language in {"python", "py"}:
            blocks.append(Block(line, body, run="no-run" not in flags))
        elif fence["output"] is not None:
            assert blocks, f"line {line}: an output with no block before it"
            assert blocks[-1].run, f"line {line}: the output of a block that is not run"
            blocks[-1].output = body
    return blocks


def compiled(block: Block, page: Path) -> CodeType:
    # The blank lines make a traceback name the page's own line.
    source = "\n" * (block.line - 1) + block.source
    code: CodeType = compile(source, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return code


async def run(blocks: list[Block], page: Path) -> None:
    namespace: dict[str, object] = {"__name__": "__main__", "__file__": str(page)}
    for block in blocks:
        code = compiled(block, page)
        if not block.run:
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            running = eval(code, namespace)  # noqa: S307 - our own pages
            if inspect.iscoroutine(running):
                await running
        if block.output is not None:
            assert printed.getvalue() == block.output, f"{page.name}, line {block.line}"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asyncio.run(run(blocks_of(page.read_text("utf-8")), page))


PAGE = """
```python
x = 1
```

```python no-run
x = undefined
```

    ```sh
    not python
    ```

```python
import asyncio
await asyncio.sleep(0)
print(x + 1)
```

<!-- output -->
```text
2
```
"""


async def test_a_page_is_read_as_written() -> None:
    blocks = blocks_of(PAGE)

    assert [(block.run, block.output) for block in blocks] == [(True, None), (False, None), (True, "2\n")]
    await run(blocks, Path("page.md"))


@pytest.mark.parametrize(
    ("was", "becomes", "error"),
    [
        ("```text\n2\n", "```text\n3\n", AssertionError),
        ("x = 1", "x = y", NameError),
        ("x = undefined", "x =", SyntaxError),
    ],
)
async def test_a_page_can_be_wrong(was: str, becomes: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await run(blocks_of(PAGE.replace(was, becomes)), Path("page.md"))

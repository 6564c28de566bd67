"""What `import streamkit` costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from rows import ROUNDS, Row

LATE = ("openai", "anthropic", "redis", "fastapi", "rich")


def imports() -> Iterator[Row]:
    """Against pydantic's own import, each in a process of its own."""
    ours, pydantics = [], []
    for _ in range(2 * ROUNDS + 1):
        pydantics.append(float(told("from pydantic import BaseModel")))
        ours.append(float(told("import streamkit")))
    yield Row(
        "import streamkit, against from pydantic import BaseModel", "<= 1.2", median(ours) / median(pydantics), "x"
    )
    loaded = told("import streamkit", f"sum(name in sys.modules for name in {LATE})")
    yield Row("of openai, redis, fastapi and the like imported with it", "<= 0", float(loaded), digits=0)


def told(statement: str, expression: str = "time.process_time() - start") -> str:
    """What an expression says after a statement, in a fresh interpreter."""
    code = f"import sys, time; start = time.process_time(); {statement}; print({expression})"
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout  # our own code


PARTS = (imports,)

"""What importing streamkit costs, against pydantic's own import; each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from statistics import median

import measure
from rows import QUICK, ROUNDS, Row

LATE = ("openai", "anthropic", "redis", "fastapi", "rich")
PYDANTIC = "from pydantic import BaseModel"
# `import streamkit` imports nothing else yet: the second says what it costs to use it.
OURS = ("import streamkit", "from streamkit import extract")


def imports() -> Iterator[Row]:
    """By CPU time, taking turns."""
    taken: dict[str, list[float]] = {statement: [] for statement in (PYDANTIC, *OURS)}
    for each in taken:
        told(each)  # so that what Python compiles is there for all
    for _ in range(ROUNDS if QUICK else 3 * ROUNDS):
        for each, times in taken.items():
            times.append(float(told(each)))
    measure.RAW["imports"] = taken
    for each in OURS:
        yield Row(f"{each}, against {PYDANTIC}", "<= 1.2", median(taken[each]) / median(taken[PYDANTIC]), "x")
    loaded = told(OURS[1], f"sum(name in sys.modules for name in {LATE})")
    yield Row("of openai, redis, fastapi and the like imported with the latter", "<= 0", float(loaded), digits=0)


def told(statement: str, expression: str = "time.process_time() - start") -> str:
    """What an expression says after a statement, in a fresh interpreter."""
    code = f"import sys, time; start = time.process_time(); {statement}; print({expression})"
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


PARTS = (imports,)

"""What importing streamkit costs, against pydantic's own import; each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from statistics import median

import measure
from rows import QUICK, ROUNDS, Row

LATE = ("openai", "anthropic", "redis", "fastapi", "rich")
PYDANTIC = "from pydantic import BaseModel"
# `import streamkit` imports nothing else yet: the second says what it costs to use it.
OURS = ("import streamkit", "from streamkit import extract")

# Whoever has streamkit has a model, and with the first one pydantic imports the rest of itself.
MODEL = f"{PYDANTIC}\nclass Model(BaseModel): name: str"
BOTH = f"{MODEL}\n{OURS[1]}"


def imports() -> Iterator[Row]:
    """By CPU time, taking turns."""
    taken: dict[str, list[float]] = {statement: [] for statement in (PYDANTIC, *OURS, MODEL, BOTH)}
    with tempfile.TemporaryDirectory() as cache:
        for each in taken:
            told(each, cache)  # compiles, wherever the libraries were installed without
        for _ in range(ROUNDS if QUICK else 3 * ROUNDS):
            for each, times in taken.items():
                times.append(float(told(each, cache)))
        loaded = told(OURS[1], cache, f"sum(name in sys.modules for name in {LATE})")
    measure.RAW["imports"] = taken
    for each in OURS:
        yield Row(f"{each}, against {PYDANTIC}", "<= 1.2", median(taken[each]) / median(taken[PYDANTIC]), "x")
    ratio = median(taken[BOTH]) / median(taken[MODEL])
    yield Row("the same behind a model of one field, against that model alone", "", ratio, "x")
    yield Row("of openai, redis, fastapi and the like imported with it", "<= 0", float(loaded), digits=0)


def told(statement: str, cache: str, expression: str = "time.process_time() - start") -> str:
    """What an expression says after a statement, in a fresh interpreter that keeps what it compiles in a folder."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    code = f"import sys, time; start = time.process_time()\n{statement}\nprint({expression})"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


PARTS = (imports,)

"""`make bench`: what streamkit costs, beside the libraries that people use otherwise.

Prints a line for each figure: what it is, the target, what was measured. Timings are CPU seconds of one
process; only ratios mean anything from one machine to another.

    QUICK=1 make bench              leaves out what takes long
    make bench ARGS="memory wires"  some parts alone
    make bench ARGS="--save 3"      three runs, the plots, and the tables of docs/performance.md
    make bench ARGS="--save 3 wires"    the same, of some parts again: the rest stays as it was saved

The numbers, those of each round too, are written to build/bench/; with --save to docs/performance/.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import encoders
import imports
import instructions
import measure
import memory
import peers
import sharing
import streams
import wires
from rows import QUICK, Row

MODULES = {module.__name__: module for module in (streams, wires, sharing, memory, encoders, imports)}
ABOUT = f"Python {sys.version.split()[0]}, pydantic {version('pydantic')}, {peers.versions()}"
TREE = Path(__file__).resolve().parents[2]
BUILD = TREE / "build" / "bench"


def measured(names: list[str], into: Path) -> None:
    """Run the parts of these names, print what comes out, and write the numbers."""
    # What the libraries left in memory is not to be looked through each time that a contender's garbage is.
    gc.collect()
    gc.freeze()
    begun = time.monotonic()
    rows: list[Row] = []
    print(f"{ABOUT}\n\n{'figure':86}{'target':>12}{'measured':>14}")
    for name in names:
        for part in MODULES[name].PARTS:
            for row in part():
                rows.append(row)
                print(row, flush=True)
    print(f"\n{time.monotonic() - begun:.0f} seconds")
    write(into, {"about": ABOUT, "quick": QUICK, "rows": [asdict(row) for row in rows], "rounds": measure.RAW})


def save(runs: int, names: list[str]) -> None:
    """Several runs, each in a process of its own; then what is drawn and counted once."""
    import report  # noqa: PLC0415  # a plain run writes no page

    folder = TREE / "docs" / "performance"
    results = folder / "results.json"
    numbers: list[dict[str, Any]] = []
    for run in range(1, runs + 1):
        into = BUILD / f"run-{run}.json"
        print(f"run {run} of {runs}", flush=True)
        subprocess.run([sys.executable, str(Path(__file__).parent), *names, "--into", str(into)], check=True)
        numbers.append(json.loads(into.read_text("utf-8")))
    if names:
        saved = json.loads(results.read_text("utf-8"))
        again = [renewed(old, new) for old, new in zip(saved["runs"], numbers, strict=True)]
        write(results, {**saved, "runs": again})
    else:
        write(results, {"runs": numbers, **once(folder)})
    report.write(TREE / "docs" / "performance.md", results)


def renewed(run: dict[str, Any], again: dict[str, Any]) -> dict[str, Any]:
    """An earlier run, with the figures that were measured again."""
    rows = {row["figure"]: row for row in again["rows"]}
    return {
        **run,
        "rows": [rows.get(row["figure"], row) for row in run["rows"]],
        "rounds": {**run["rounds"], **again["rounds"]},
    }


def once(folder: Path) -> dict[str, object]:
    """What is drawn and counted once."""
    import matrix  # noqa: PLC0415  # as the plots
    import plots  # noqa: PLC0415  # a plain run needs no matplotlib

    print("plots", flush=True)
    drawn = plots.save(folder)
    systems = {"by document": matrix.by_document(), "by chunk size": matrix.by_chunk_size()}
    print("instructions", flush=True)
    counts = instructions.counted(TREE) if instructions.counter() else {}
    return {"plots": drawn, "systems": systems, "instructions": counts, "rounds": measure.RAW}


def write(path: Path, numbers: dict[str, object]) -> None:
    """As JSON, in a folder that may not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(numbers, indent=1) + "\n", "utf-8")


def main() -> None:
    """Read the command line, and do what it says."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure streamkit and its peers.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(MODULES)}; all by default")
    parser.add_argument("--save", type=int, metavar="RUNS", help="so many runs, and the pages of docs/")
    parser.add_argument("--into", type=Path, default=BUILD / "run.json", help="the file for the numbers")
    given = parser.parse_args()
    if unknown := [name for name in given.parts if name not in MODULES]:
        parser.error(f"no part is called {', '.join(unknown)}: there are {', '.join(MODULES)}")
    if given.save:
        save(given.save, given.parts)
    else:
        measured(given.parts or [*MODULES], given.into)


if __name__ == "__main__":
    main()

"""`make bench`: what streamkit costs, beside the libraries that people use otherwise.

Prints a line for each figure: what it is, the target, what was measured. Timings are CPU seconds of one
process; only ratios mean anything from one machine to another.

    QUICK=1 make bench              leaves out what takes long
    make bench ARGS="memory wires"  some parts alone
    make bench ARGS="--save 3"      three runs, the plots, and the table of docs/performance.md
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from statistics import median

import imports
import memory
import peers
import sharing
import streams
import wires
from rows import Row

MODULES = {module.__name__: module for module in (streams, wires, sharing, memory, imports)}
DOCS = Path(__file__).resolve().parents[2] / "docs"
ABOUT = f"Python {sys.version.split()[0]}, pydantic {version('pydantic')}, {peers.versions()}"
_BEGIN, _END = "<!-- table: make bench -->\n", "<!-- end of table -->\n"


def measured(names: list[str]) -> list[Row]:
    """Run the parts of these names and print what comes out."""
    rows: list[Row] = []
    print(f"{ABOUT}\n\n{'figure':78}{'target':>12}{'measured':>14}")
    for name in names:
        for part in MODULES[name].PARTS:
            for row in part():
                rows.append(row)
                print(row, flush=True)
    return rows


def save(runs: list[list[Row]]) -> None:
    """Write the numbers, the table and the plots into the documentation."""
    import plots  # noqa: PLC0415  # a plain run needs no matplotlib

    folder = DOCS / "performance"
    folder.mkdir(exist_ok=True)
    figures = [
        {"figure": same[0].figure, "target": same[0].bound, "measured": [row.measured for row in same]}
        for same in zip(*runs, strict=True)
    ]
    numbers = {"about": ABOUT, "figures": figures, "plots": plots.save(folder)}
    (folder / "results.json").write_text(json.dumps(numbers, indent=1) + "\n", "utf-8")
    page = DOCS / "performance.md"
    before, _, rest = page.read_text("utf-8").partition(_BEGIN)
    page.write_text(before + _BEGIN + _table(runs) + _END + rest.partition(_END)[2], "utf-8")


def _table(runs: list[list[Row]]) -> str:
    lines = [f"{ABOUT}; the median of {len(runs)} runs.", "", "| figure | target | measured | |", "|---|---|---|---|"]
    for same in zip(*runs, strict=True):
        row = Row(same[0].figure, same[0].target, median(each.measured for each in same), same[0].unit, same[0].digits)
        lines.append(f"| {row.figure} | {row.bound} | {row.shown} | {'met' if row.met else '**not met**'} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] == ["--save"]:
        save([measured([*MODULES]) for _ in range(int(arguments[1]))])
    else:
        measured(arguments or [*MODULES])


if __name__ == "__main__":
    main()

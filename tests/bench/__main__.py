"""`make bench`: what streamkit costs, beside the libraries that people use otherwise.

Prints a line for each figure: what it is, the target, what was measured. `QUICK=1 make bench` leaves out what
takes long; `make bench ARGS=memory` runs one part. Timings are CPU seconds of one process; only ratios mean
anything from one machine to another.
"""

from __future__ import annotations

import sys
from importlib.metadata import version

import imports
import memory
import peers
import sharing
import streams
import wires

MODULES = {module.__name__: module for module in (streams, wires, sharing, memory, imports)}


def main() -> None:
    wanted = sys.argv[1:] or [*MODULES]
    print(f"Python {sys.version.split()[0]}, pydantic {version('pydantic')}, {peers.versions()}\n")
    print(f"{'figure':78}{'target':>12}{'measured':>14}")
    for name in wanted:
        for part in MODULES[name].PARTS:
            for row in part():
                print(row, flush=True)


if __name__ == "__main__":
    main()

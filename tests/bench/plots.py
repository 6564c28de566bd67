"""The plots of docs/performance.md, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import peers
import sharing
from documents import DOCUMENTS, users
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from measure import cpu_times
from streams import run

Points = Mapping[str, Sequence[tuple[float, float]]]

# The same file for the same figures.
mpl.rcParams["svg.hashsalt"] = "streamkit"
mpl.rcParams["font.size"] = 9

SYSTEMS: Mapping[str, tuple[Callable[[str], Callable[[], object]], int]] = {
    "streamkit": (run, 1_000_000),
    "Instructor": (peers.instructor, 30_000),
    "pydantic-ai": (peers.pydantic_ai, 10_000),
    "LangChain diff": (peers.langchain, 10_000),
    "openai .stream()": (peers.openai, 30_000),
}
"""What is compared, and up to which size: beyond it would take minutes."""


def growth() -> Points:
    """CPU seconds of a whole document, by its size."""
    sizes = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000]
    return {
        name: [
            (size, cpu_times({"it": make(users(size))}, 3 if size < 10_000 else 1)["it"])
            for size in sizes
            if size <= most
        ]
        for name, (make, most) in SYSTEMS.items()
    }


def chunks() -> Points:
    """Microseconds for each 100 characters, by the size of a chunk, of every document."""
    sizes = [1, 4, 16, 256, 4096, 100_000]
    points: dict[str, list[tuple[float, float]]] = {}
    for name, (make, model) in DOCUMENTS.items():
        text = make(100_000)
        times = cpu_times({str(size): run(text, size, model) for size in sizes}, 3)
        points[name] = [(size, times[str(size)] / len(text) * 1e8) for size in sizes]
    return points


def draw(path: Path, points: Points, title: str, x: str, y: str) -> None:
    """Lines on two logarithmic axes."""
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name, line in points.items():
        axes.plot(
            *zip(*line, strict=True),
            marker="o",
            markersize=3,
            label=name,
            linewidth=2.4 if name == "streamkit" else 1.2,
        )
    _label(axes, title, x, y)
    figure.savefig(path, format="svg", metadata={"Date": None})
    plt.close(figure)


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set(xscale="log", yscale="log", title=title, xlabel=x, ylabel=y)
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()


def save(folder: Path) -> dict[str, Points]:
    """Measure and draw all; return the numbers."""
    measured = {"growth": growth(), "chunks": chunks(), "fanout": sharing.by_subscribers()}
    title = "A list of users in 4-character chunks, typed: CPU time by size"
    draw(folder / "growth.svg", measured["growth"], title, "characters", "CPU seconds")
    title = "100 KB of several documents: CPU time by the size of a chunk"
    draw(folder / "chunks.svg", measured["chunks"], title, "characters in a chunk", "microseconds per 100 characters")
    title = "One stream, many subscribers: CPU time of an event for each"
    draw(folder / "fanout.svg", measured["fanout"], title, "subscribers", "microseconds per event and subscriber")
    return measured

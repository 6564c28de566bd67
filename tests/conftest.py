"""What every test shares: where test data lives, and what a skip means in CI."""

import gc
import os
import threading
from collections.abc import Generator
from pathlib import Path

import anyio
import pytest
from support import law_3

# Fixtures that several folders use.
pytest_plugins = ("support.clients",)

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

# The reasons a test may give for not running in CI. Each names something outside the repository that no
# install step can bring; where it is there, the reason is never given.
NEEDS_ENGINE = "needs ../shared/engine"
NEEDS_RECORDINGS = "needs ../shared/recordings"
CANNOT_RUN = (NEEDS_ENGINE, NEEDS_RECORDINGS)


def pytest_configure() -> None:
    """Check law 3 over every event that any test reads."""
    law_3.watch()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `engine` where there is no engine."""
    if (SHARED / "engine").is_dir():
        return
    for item in items:
        if item.get_closest_marker("engine"):
            item.add_marker(pytest.mark.skip(reason=NEEDS_ENGINE))


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded provider streams."""
    folder = SHARED / "recordings"
    if not folder.is_dir():
        pytest.skip(NEEDS_RECORDINGS)
    return folder


@pytest.fixture(autouse=True, scope="module")
def _a_young_heap() -> None:  # pyright: ignore[reportUnusedFunction]  # pytest calls it
    """What other files have made, thousands of models, is not looked at again by each collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _nothing_is_taken_back() -> Generator[None]:  # pyright: ignore[reportUnusedFunction]  # pytest calls it
    """Law 3 held in every event of the test, whatever became of the error."""
    law_3.found.clear()
    yield
    assert law_3.found == []


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a client would have waited between attempts; it does not."""
    import streamkit.client.runs.reader  # noqa: PLC0415  # most tests need no client

    told: list[float] = []

    async def sleep(seconds: float) -> None:
        told.append(seconds)

    def pause(seconds: float, until: threading.Event) -> None:
        told.append(seconds)

    monkeypatch.setattr(streamkit.client.runs.reader, "pause", pause)
    monkeypatch.setattr(anyio, "sleep", sleep)
    return told


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not report.skipped or hasattr(report, "wasxfail") or not os.environ.get("STREAMKIT_CI"):
        return
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = said.removeprefix("Skipped: ")
    if not reason.startswith(CANNOT_RUN):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where every test must run: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test is a failed one in CI."""
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """So is a whole file skipped while it is imported."""
    report = yield
    _fail_if_skipped(report)
    return report

"""The rules of the house that no other tool checks."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).parents[1].joinpath("conftest.py").read_text("utf-8")
# Ours would speak up about a project without settings.
PLUGINS = ("-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:xdist", "-p", "no:cov")


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("def test_it(): pytest.skip('no luck')", {"failed": 1}),
        ("@pytest.mark.skipif(True, reason='no luck')\ndef test_it(): ...", {"errors": 1}),
        ("pytest.importorskip('no_such_module')\ndef test_it(): ...", {"errors": 1}),
        ("def test_it(recordings): ...", {"skipped": 1}),
        ("@pytest.mark.engine\ndef test_it(): ...", {"skipped": 1}),
        ("@pytest.mark.xfail\ndef test_it(): assert False", {"xfailed": 1}),
        ("def test_it(): ...", {"passed": 1}),
    ],
    ids=["called", "marked", "whole file", "no recordings", "no engine", "expected to fail", "run"],
)
def test_a_skip_is_a_failure_in_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, body: str, outcome: dict[str, int]
) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\nmarkers = engine")
    pytester.makepyfile(f"import pytest\n{body}")

    monkeypatch.setenv("STREAMKIT_CI", "1")
    pytester.runpytest_inprocess(*PLUGINS).assert_outcomes(**outcome)


def test_a_skip_is_a_skip_elsewhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile("import pytest\ndef test_it(): pytest.skip('no luck')")

    monkeypatch.delenv("STREAMKIT_CI", raising=False)
    pytester.runpytest_inprocess(*PLUGINS).assert_outcomes(skipped=1)


def test_every_operator_file_is_public() -> None:
    operators = Path(__file__).resolve().parents[2] / "operators"
    private = [path.name for path in operators.glob("*.py") if path.stem.startswith("_") and path.stem != "__init__"]
    assert private == []

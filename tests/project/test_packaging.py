"""What pip installs is the whole library: from the tree, from an sdist, and beside no source tree."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("streamkit", "operators")

# One worker builds for all of these tests.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]

# Imports everything public, and says where each module came from.
IMPORT_ALL = """
import importlib, pkgutil, sys
import streamkit, streamkit.operators
for package in (streamkit, streamkit.operators):
    for name in package.__all__:
        getattr(package, name)
for module in pkgutil.walk_packages(streamkit.__path__, "streamkit."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] == "streamkit":
        print(name, module.__file__)
"""


def in_wheel() -> set[str]:
    """The path in a wheel of every file of the library in the tree."""
    operators = {f"streamkit/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "operators").rglob("*.py")}
    # rglob does not follow the symlink.
    rest = {path.relative_to(ROOT).as_posix() for path in (ROOT / "streamkit").rglob("*.py")}
    static = {path.relative_to(ROOT).as_posix() for path in (ROOT / "streamkit" / "web" / "static").iterdir()}
    return operators | rest | static | {"streamkit/py.typed"}


def python(*args: str | Path, cwd: Path, interpreter: str | Path = sys.executable) -> str:
    done = subprocess.run([interpreter, *args], cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(tree: Path, out: Path, kind: str) -> Path:
    # Without isolation: the locked environment holds the build backend, so nothing is fetched.
    python("-m", "build", "--no-isolation", f"--{kind}", "--outdir", out, tree, cwd=out.parent)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is built: a build leaves files beside its sources."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tree, tmp_path_factory.mktemp("sdist") / "out", "sdist")


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tree, tmp_path_factory.mktemp("wheel") / "out", "wheel")


@pytest.fixture(scope="module")
def wheel_of_sdist(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel-of-sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.iterdir()
    return build(unpacked, folder / "out", "wheel")


def test_every_package_is_listed() -> None:
    found = {path.rpartition("/")[0].replace("/", ".") for path in in_wheel() if path.endswith("/__init__.py")}
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = tomllib.load(file)["tool"]["setuptools"]["packages"]
    assert listed == sorted(found), "pyproject.toml, [tool.setuptools] packages: list what is on disk"


def test_sdist_carries_all(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    expected = {name.replace("streamkit/operators/", "operators/") for name in in_wheel()}
    assert expected <= names
    assert {"LICENSE", "README.md", "pyproject.toml"} <= names


@pytest.mark.parametrize("built", ["wheel", "wheel_of_sdist"])
def test_wheel_carries_all_and_nothing_else(built: str, request: pytest.FixtureRequest) -> None:
    with zipfile.ZipFile(request.getfixturevalue(built)) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == in_wheel()


@pytest.mark.parametrize("built", ["wheel", "wheel_of_sdist"])
def test_wheel_alone_imports(built: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    clean, empty = tmp_path / "clean", tmp_path / "empty"
    empty.mkdir()
    venv.create(clean, with_pip=True, symlinks=os.name != "nt")
    interpreter = clean / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(clean), "platbase": str(clean)}))
    install = ["-I", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check"]
    python(*install, request.getfixturevalue(built), cwd=empty, interpreter=interpreter)
    # The dependencies come from the running environment, after the wheel and without its editable streamkit:
    # a path in a .pth file is added as it is, and the .pth files that lie there are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")

    printed = python("-I", "-c", IMPORT_ALL, cwd=empty, interpreter=interpreter)

    origins = dict(line.split(" ", 1) for line in printed.splitlines())
    assert {"streamkit", "streamkit.operators"} <= origins.keys()
    assert [origin for origin in origins.values() if not Path(origin).is_relative_to(site)] == []

"""The picture of the packages is drawn from the code, and shows layers without an import upwards."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"


def house() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house", PICTURES / "house.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_import_leads_upwards_or_in_a_circle() -> None:
    drawing = house()
    assert drawing.problems(drawing.layers(), drawing.arrows()) == []


def test_an_import_upwards_is_found() -> None:
    drawing = house()
    rows, arrows = drawing.layers(), drawing.arrows()
    assert "errors imports client, above it" in drawing.problems(rows, {**arrows, ("errors", "client"): 1})


def test_the_picture_in_the_docs_is_the_code_of_today() -> None:
    drawing = house()
    assert (PICTURES / "house.svg").read_text("utf-8") == drawing.svg(drawing.layers(), drawing.arrows())

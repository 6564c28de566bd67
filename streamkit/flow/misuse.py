"""What was meant by something that stands in a pipeline and cannot: words for the error that says so."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import isawaitable, isfunction
from os import PathLike
from typing import NoReturn

__all__ = ["forgot_to_call", "makes_stages", "meant"]


def meant(source: object) -> str:
    """What may have been meant by something that is no source."""
    if isinstance(source, Mapping):
        return "; for JSON that is read already, write its text or Model.model_validate(...)"
    if isinstance(source, PathLike):
        return "; a file is streamkit.sources.file(path)"
    if isawaitable(source):
        return "; await it first"
    return f"; call it: {source.__name__}()" if isfunction(source) else ""


def makes_stages(after: object) -> bool:
    """Whether this is one of the functions that stages are made by: none of them takes a flow."""
    return isfunction(after) and after.__module__.startswith(("streamkit.operators.", "streamkit.extraction"))


def forgot_to_call(after: object) -> NoReturn:
    """Raise what says so."""
    name = getattr(after, "__name__", "it")
    raise TypeError(f"{name} makes a stage: write | {name}(...), with its parentheses")

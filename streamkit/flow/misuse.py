"""Hints for objects that cannot be part of a pipeline: what the user probably meant, for the error message."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import isawaitable, isfunction
from os import PathLike
from typing import NoReturn

__all__ = ["is_stage_function", "raise_not_called", "source_hint"]


def source_hint(source: object) -> str:
    """Return what to write instead of an object that is not a source; an empty string if unknown."""
    if isinstance(source, Mapping):
        return "; for JSON that is parsed already, write its text or Model.model_validate(...)"
    if isinstance(source, PathLike):
        return "; to read a file, write streamkit.sources.file(path)"
    if isawaitable(source):
        return "; await it first"
    return f"; call it: {source.__name__}()" if isfunction(source) else ""


def is_stage_function(after: object) -> bool:
    """Whether this is a function that makes a stage, such as `diff` without its parentheses."""
    return isfunction(after) and after.__module__.startswith(("streamkit.operators.", "streamkit.extraction"))


def raise_not_called(after: object) -> NoReturn:
    """Raise the error for a function that makes a stage and was not called."""
    name = getattr(after, "__name__", "it")
    raise TypeError(f"{name} is a function that makes a stage: write | {name}(...), with its parentheses")

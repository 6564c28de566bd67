"""What an open value is shown as: an instance of its type, with what has come.

None of them is validated, and no `__init__` is called: what is in them was validated when it closed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, RootModel

from streamkit.partial.model import make_partial, partial_class
from streamkit.partial.unseen import unseen

if TYPE_CHECKING:
    from streamkit.schema.nodes import Container, Entry

__all__ = ["ABSENT", "OpenValue", "rooted", "taken_apart", "unrooted"]

ABSENT = object()

Show = Callable[[Any, Collection[str] | None], object]


class OpenValue:
    """A container of which not all is final.

    Attributes:
        container: how it is read; None where its type is not known, or it is of another one.
        values: what has come, by field name or index; an `OpenValue` for what is open in turn.
        parent: the one around it.
        arrived: of a model that was whole, which fields had come; else None, and all in `values` have.
        inner: the keys under which an `OpenValue` stands.
        shown: what a snapshot shows of it; `ABSENT` when it has changed since.
    """

    __slots__ = ("_roots", "_show", "arrived", "container", "inner", "parent", "shown", "values")

    def __init__(self, entry: Entry | None, values: Any, parent: OpenValue | None) -> None:
        self.container = container = entry.container if entry is not None else None
        self.values: Any = values
        self.parent = parent
        self.arrived: set[str] | None = None
        self.inner: set[str | int] = set()
        self.shown: object = ABSENT
        self._show = _show_as(container) if container is not None else None
        self._roots = entry.roots if entry is not None else ()

    def snapshot(self) -> object:
        """Show it. What is in it and did not change is the same object as before."""
        if self.shown is ABSENT:
            values = self.values.copy()
            for key in self.inner:
                values[key] = values[key].snapshot()
            if self._show is not None:
                values = self._show(values, self.arrived)
            self.shown = rooted(self._roots, values)
        return self.shown

    def touch(self) -> None:
        """Something in it has changed."""
        around: OpenValue | None = self
        while around is not None and around.shown is not ABSENT:
            around.shown = ABSENT
            around = around.parent


def _show_as(container: Container) -> Show | None:
    """What makes a value to show of its parts; None where they are it."""
    cls: Any = container.cls
    if cls is None:
        make = container.shown_as
        return None if make is None else lambda values, arrived: make(values)
    if issubclass(cls, BaseModel):
        partial = partial_class(cls)
        return lambda values, arrived: make_partial(partial, values, arrived)
    show = _named_tuple if issubclass(cls, tuple) else _dataclass
    return lambda values, arrived: show(cls, values)


def _named_tuple(cls: Any, values: Any) -> object:
    shown = list(unseen(cls).values())
    # There may be more of them than there should.
    both = [*values[: len(shown)], *shown[len(values) :]]
    return cast("Any", tuple).__new__(cls, both)


def _dataclass(cls: Any, values: Any) -> object:
    made = object.__new__(cls)
    if not hasattr(cls, "__slots__"):
        made.__dict__.update({**unseen(cls), **values})
    else:
        for name, default in unseen(cls).items():
            object.__setattr__(made, name, values.get(name, default))
    return made


def rooted(roots: Collection[type], value: object) -> object:
    """Put a value into root models, from the inside out, that are partial ones."""
    for root in roots:
        value = make_partial(partial_class(root), {"root": value})
    return value


def unrooted(value: object) -> object:
    """The value in a root model, or in one of those in one another; any other value itself."""
    while isinstance(value, RootModel):
        value = cast("object", value.root)  # pyright: ignore[reportUnknownMemberType]  # any root
    return value


def taken_apart(value: Any) -> Any:
    """What is in a value: a dict by field name or key, or a list; None for what has nothing inside."""
    value = unrooted(value)
    if isinstance(value, BaseModel):
        known = type(value).model_fields  # cached properties stand beside them
        return {**{key: each for key, each in value.__dict__.items() if key in known}, **(value.model_extra or {})}
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    return list(cast("Collection[object]", value)) if isinstance(value, Collection) else None

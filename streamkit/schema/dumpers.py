"""What gives the JSON form of typed values: pydantic's serializers, and nothing where a value is its own."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

from pydantic_core import SchemaSerializer

from streamkit.schema.inside import has_computed, without_computed

if TYPE_CHECKING:
    from pydantic_core import CoreConfig, CoreSchema

__all__ = ["AsItIs", "Dump", "DumpOrNone", "Dumper", "Finite"]


class Dump(Protocol):
    """Gives the JSON form of a value, or of the named fields of it."""

    def __call__(self, value: object, names: set[str] | None = None) -> Any: ...

    def plain(self, value: object, names: set[str] | None = None) -> Any:
        """The same without computed fields."""
        ...

    @property
    def computes(self) -> bool:
        """Whether that may be another."""
        ...


class Dumper:
    """Gives the JSON form of a typed value, or of the named fields of it."""

    __slots__ = ("_computes", "_config", "_dump", "_dump_plain", "_schema")

    def __init__(self, schema: Callable[[], CoreSchema], config: CoreConfig | None) -> None:
        self._schema, self._config = schema, config
        self._dump: Callable[..., Any] | None = None
        self._dump_plain: Callable[..., Any] | None = None
        self._computes: bool | None = None

    def use(self, serializer: Callable[..., Any]) -> None:
        """Dump with this `to_python`, which is there already."""
        self._dump = serializer

    def plain(self, value: object, names: set[str] | None = None) -> Any:
        """The same without computed fields, except where a serializer of the user's has a say."""
        if self._dump_plain is None:
            self._dump_plain = self._make_plain()
        return self._dump_plain(value, mode="json", by_alias=False, include=names, warnings=False)

    @property
    def computes(self) -> bool:
        """Whether there are computed fields."""
        if self._computes is None:
            self._computes = has_computed(self._schema())
        return self._computes

    def _make_plain(self) -> Callable[..., Any]:
        if not self.computes:
            return self._made()
        plain = without_computed(self._schema())
        return SchemaSerializer(plain, self._config, _use_prebuilt=False).to_python

    def _made(self) -> Callable[..., Any]:
        if self._dump is None:
            self._dump = SchemaSerializer(self._schema(), self._config).to_python
        return self._dump

    def __call__(self, value: object, names: set[str] | None = None) -> Any:
        return (self._dump or self._made())(value, mode="json", by_alias=False, include=names, warnings=False)


class DumpOrNone:
    """The dumper, except for None."""

    __slots__ = ("_dump",)

    def __init__(self, dump: Dump) -> None:
        self._dump = dump

    @property
    def computes(self) -> bool:
        return self._dump.computes

    def plain(self, value: object, names: set[str] | None = None) -> Any:
        return None if value is None else self._dump.plain(value, names)

    def __call__(self, value: object, names: set[str] | None = None) -> Any:
        return None if value is None else self._dump(value, names)


class AsItIs:
    """For values that are their own JSON form."""

    computes = False

    def __call__(self, value: object, names: set[str] | None = None) -> Any:
        return value

    plain = __call__


class Finite(AsItIs):
    """The same, but for infinite numbers, which are null."""

    def __call__(self, value: object, names: set[str] | None = None) -> Any:
        return None if isinstance(value, float) and not isfinite(value) else value

    plain = __call__

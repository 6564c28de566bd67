"""`VariantProbe`: finds the way into an object by what comes first in it, where its type alone does not tell.

Each object is searched by a `VariantSearch` of its own: through a `SearchObserver` while its text is buffered, or by
`find_entry` when it is known completely. These pass on what they find (an `Entry`, in `nodes.py`) without using it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

from streamkit.text.json_text import write_json
from streamkit.text.receiver import Observer

if TYPE_CHECKING:
    from streamkit.changes.json_values import Json

__all__ = ["MappedProbe", "SearchObserver", "VariantProbe", "VariantSearch", "find_entry"]

EntryT = TypeVar("EntryT")
EntryT_co = TypeVar("EntryT_co", covariant=True)


class VariantProbe(Protocol[EntryT_co]):
    """Finds the way into an object by what comes first in it."""

    @property
    def only(self) -> EntryT_co | None:
        """The one way in that there is; None where there are several."""
        ...

    def begin(self) -> VariantSearch[EntryT_co]:
        """Begin to look at one object."""
        ...


class VariantSearch(Protocol[EntryT_co]):
    """Looks at the members of one object as they close."""

    @property
    def again(self) -> Collection[str]:
        """Keys that decided: where one comes again, the object is to be read again."""
        ...

    def see(self, key: str, text: str | None) -> EntryT_co | None:
        """Take a member: a scalar's JSON text, None for a container. The way in, once it is known."""
        ...


@dataclass(frozen=True, slots=True)
class MappedProbe(Generic[EntryT]):
    """A watch, and what is done to the entries that it finds."""

    probe: VariantProbe[EntryT]
    entering: Callable[[EntryT], EntryT]

    @property
    def only(self) -> EntryT | None:
        only = self.probe.only
        return only and self.entering(only)

    def begin(self) -> VariantSearch[EntryT]:
        return _MappedSearch(self.probe.begin(), self.entering)


@dataclass(frozen=True, slots=True)
class _MappedSearch(Generic[EntryT]):
    search: VariantSearch[EntryT]
    entering: Callable[[EntryT], EntryT]

    @property
    def again(self) -> Collection[str]:
        return self.search.again

    def see(self, key: str, text: str | None) -> EntryT | None:
        entry = self.search.see(key, text)
        return entry and self.entering(entry)


class SearchObserver(Observer, Generic[EntryT]):
    """Tells a look of the members of an object, while its text is collected."""

    __slots__ = ("_depth", "_key", "_text", "entry", "search")

    def __init__(self, search: VariantSearch[EntryT]) -> None:
        self.search = search
        self.entry: EntryT | None = None
        self._depth = 0
        self._key = ""
        self._text: list[str] = []

    def see(self, text: str | None) -> bool:
        """Take the member under the last key."""
        if self._depth == 0:
            self.entry = self.search.see(self._key, text)
        return self.entry is not None

    def open_object(self) -> None:
        self._depth += 1

    open_array = open_object

    def close(self) -> bool:
        self._depth -= 1
        return self.see(None)

    def key(self, name: str, /) -> bool:
        if self._depth == 0:
            self._key = name
        return False

    def text(self, text: str, /) -> bool:
        return self.see(encode_basestring(text))

    def text_start(self, text: str, /) -> None:
        self._text = [text]

    def text_more(self, text: str, /) -> None:
        if self._depth == 0:
            self._text.append(text)

    def text_end(self, text: str, /) -> bool:
        self._text.append(text)
        return self.see(encode_basestring("".join(self._text)))

    def scalar(self, text: str, /) -> bool:
        return self.see(text)

    def whole(self, value: Json, text: str, start: int, end: int, /) -> bool:
        return self.see(None)


def find_entry(search: VariantSearch[EntryT], value: object) -> EntryT | None:
    """The way into an object that is known whole: of a key that came twice, what came last."""
    for key, member in cast("dict[str, object]", value).items():
        entry = search.see(key, None if isinstance(member, (dict, list)) else write_json(member))
        if entry is not None:
            return entry
    return None

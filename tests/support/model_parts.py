"""What a random model is made of besides types: enums, and functions for its validators and serializers.

Each function notes that it was called, and with what, so that calls can be counted. They are generic: any of them may
stand on any type, and leaves alone what it does not understand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum, IntEnum, StrEnum
from functools import wraps
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError, PydanticUseDefault

CALLS: list[tuple[str, ...]] = []
"""What was called since the list was cleared: by what name, with which value, and what `info` told."""

CodeT = TypeVar("CodeT", bound=Callable[..., Any])
ItemT = TypeVar("ItemT")
Handler = Callable[[Any], Any]


def noted(function: CodeT) -> CodeT:
    """The function, which writes down its calls."""

    @wraps(function)
    def call(*args: Any) -> Any:
        infos = [arg for arg in args if hasattr(arg, "mode") and hasattr(arg, "data")]
        told = [f"{info.mode} {info.field_name} {info.context!r} {info.data!r}" for info in infos]
        CALLS.append((function.__name__, *map(repr, args[:1]), *told))
        return function(*args)

    return cast("CodeT", call)


class Color(Enum):
    RED = "red"
    GREEN = "green"
    ZERO = 0


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Sort(StrEnum):
    X = "x"
    Y = "y"
    Z = "z"


# -- after: these may refuse a value, but leave it as it is ------------------------------------------------


@noted
def kept(value: Any) -> Any:
    return value


@noted
def truthy(value: Any) -> Any:
    if not value:
        raise ValueError("falsy")
    return value


@noted
def short(value: Any) -> Any:
    assert len(str(value)) < 40, "too long"
    return value


@noted
def not_odd(value: Any) -> Any:
    if value == "ab" or value == 5:
        raise PydanticCustomError("odd", "{what} is odd", {"what": str(value)})
    return value


@noted
def by_siblings(value: Any, info: Any) -> Any:
    if info.data and not next(iter(info.data.values())):
        raise ValueError(f"{info.field_name} after a falsy one")
    return value


@noted
def without_context(value: Any, info: Any) -> Any:
    if info.mode != "json" or info.context is not None:
        raise ValueError(f"{info.mode}, {info.context}")
    return value


# -- after: these change a value ---------------------------------------------------------------------------


@noted
def changed(value: Any) -> Any:
    if isinstance(value, str):
        return str(value).upper() + "!"
    if isinstance(value, (list, tuple)):
        return cast("Sequence[object]", value)[1:][::-1]
    if isinstance(value, dict):
        return {**dict(list(cast("dict[object, object]", value).items())[1:]), "more": 1}
    if isinstance(value, BaseModel):
        return value.model_copy()
    return value + 1 if type(value) in (int, float) else value


@noted
def retyped(value: Any) -> Any:
    return [value] if value else {"empty": value}


@noted
def with_siblings(value: Any, info: Any) -> Any:
    return f"{value}/{','.join(info.data)}" if type(value) is str and info.data else value


# -- before, around, instead -------------------------------------------------------------------------------


@noted
def not_null(value: Any) -> Any:
    if value is None:
        raise ValueError("null")
    return value


@noted
def tidied(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


@noted
def listed(value: Any) -> Any:
    return cast("object", value) if isinstance(value, (list, dict)) else [value]


@noted
def first(value: Any) -> Any:
    return cast("list[object]", value)[0] if isinstance(value, list) and value else cast("object", value)


@noted
def or_default(value: Any) -> Any:
    if value in ("", None):
        raise PydanticUseDefault
    return value


@noted
def handled(value: Any, handler: Handler) -> Any:
    return handler(value)


@noted
def forgiven(value: Any, handler: Handler) -> Any:
    try:
        return handler(value)
    except ValidationError:
        return None


@noted
def unwrapped(value: Any, handler: Handler) -> Any:
    if isinstance(value, list) and len(cast("list[object]", value)) == 1:
        return handler(value[0])
    return handler(value)


# -- of whole models ---------------------------------------------------------------------------------------


@noted
def with_a(data: Any) -> Any:
    return {"a": 1, **cast("dict[str, object]", data)} if isinstance(data, dict) else data


@noted
def not_empty(data: Any) -> Any:
    if data == {}:
        raise ValueError("empty")
    return data


def names_of(value: Any) -> list[str]:
    """The fields of a model."""
    return list(cast("type[BaseModel]", type(value)).model_fields)


@noted
def checked(self: Any) -> Any:
    if self.model_fields_set and not any(getattr(self, name) for name in self.model_fields_set if name in vars(self)):
        raise ValueError("all falsy")
    return self


@noted
def shortened(self: Any) -> Any:
    """Changes fields, and what is inside them, in place."""
    for name in names_of(self):
        value = getattr(self, name)
        if type(value) is list:
            value.clear()
        elif type(value) is str:
            self.__dict__[name] = value[:1]
    return self


@noted
def copied(self: Any) -> Any:
    return self.model_copy()


def post_init(self: Any, context: Any) -> None:
    """For `model_post_init`: changes the first field."""
    for name in names_of(self)[:1]:
        self.__dict__[name] = None


# -- dumping -----------------------------------------------------------------------------------------------


def size_of(value: Any) -> int:
    return len(cast("Sequence[object]", value)) if isinstance(value, (str, list, tuple, dict)) else -1


def bracketed(value: Any, handler: Handler) -> Any:
    return [handler(value)]


def as_text(value: Any) -> str:
    return f"<{value}>"


def among(self: Any, value: Any) -> list[str]:
    return sorted(cast("Iterable[str]", getattr(self, "model_fields_set", vars(cast("object", self)))))


def falsy(value: Any) -> bool:
    return not value


def whole(self: Any, handler: Handler) -> Any:
    return {"whole": handler(self)}


def set_names(self: Any) -> list[str]:
    return sorted(getattr(self, "model_fields_set", []))


def summary(self: Any) -> dict[str, Any]:
    return {"set": set_names(self), "none": None}


def first_field(self: Any) -> Any:
    return [cast("object", getattr(self, name, None)) for name in names_of(self)[:1]]


# -- factories and discriminators --------------------------------------------------------------------------


@noted
def count_of(data: Any) -> int:
    return len(data)


@noted
def text_of(data: Any) -> str:
    return ",".join(data)


@noted
def new_list() -> list[Any]:
    return []


def which(value: Any) -> str:
    return "a" if "a" in (value if isinstance(value, dict) else getattr(value, "model_fields_set", ())) else "b"


REVISING = {"changed", "retyped", "with_siblings", "shortened", "copied", "post_init"}
"""The functions that may change what was told."""

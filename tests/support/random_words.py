"""The words that random models are written with: types without others inside, tags, settings, aliases, validators."""

from __future__ import annotations

from dataclasses import dataclass, replace

from support.random_documents import Fit, Way, samples

__all__ = [
    "AFTER_MODEL",
    "AHEAD",
    "ALIASES",
    "COMPUTED",
    "CONFIGS",
    "DRESSES",
    "HINTS",
    "INNER",
    "KEYS",
    "LEAVES",
    "LISTS",
    "MODEL_WRITERS",
    "OPTIONS",
    "PLAIN",
    "RECURSIONS",
    "TAGS",
    "VALIDATORS",
    "WRITERS",
    "Shape",
]


@dataclass(frozen=True)
class Shape:
    """A type as it is written in source.

    Attributes:
        code: the annotation.
        fit: draws a document that is likely to be valid.
        default: an expression for a valid value.
        hashable: its values may be in a set.
    """

    code: str
    fit: Fit
    default: str = "None"
    hashable: bool = True

    def dressed(self, dress: str) -> Shape:
        """The same with something beside it in `Annotated`."""
        return replace(self, code=f"Annotated[{self.code}, {dress}]", hashable=False)


def _leaf(code: str, texts: str, default: str = "None", *, hashable: bool = True) -> Shape:
    return Shape(code, samples(texts), default, hashable)


LEAVES = [
    _leaf("str", r'["ab", "", "a longer text", "é\n\"", "5", " padded "]', "'plain'"),
    _leaf("Annotated[str, Field(min_length=1, max_length=5)]", '["ab", "abcde"]', "'abc'"),
    _leaf("Annotated[str, Field(pattern='^[a-z]*$')]", '["ab", ""]', "''"),
    _leaf("Annotated[str, StringConstraints(strip_whitespace=True)]", '["ab", " ab ", ""]'),
    _leaf("Annotated[str, StringConstraints(to_upper=True, max_length=4)]", '["ab", "AB"]'),
    _leaf("Annotated[str, Strict()]", '["ab", ""]', "''"),
    _leaf("int", '[1, 0, -5, "7", 5.0, 1e2, true, 123456789012345678901234567890]', "7"),
    _leaf("Annotated[int, Field(ge=0, lt=100, multiple_of=5)]", '[5, 0, 95, "10"]', "10"),
    _leaf("StrictInt", "[1, -7]", "1"),
    _leaf("float", '[1.5, 1, -0.0, 1e-7, "2.5", 1e400, "inf"]', "0.5"),
    _leaf("Annotated[float, Field(gt=0, allow_inf_nan=False)]", "[0.5, 3]", "0.5"),
    _leaf("bool", '[true, false, "yes", "off", 1, 0]', "True"),
    _leaf("Decimal", '["1.50", 1.10, 3, "-0", 1e5]', "Decimal('9.90')"),
    _leaf("date", '["2024-02-29", "2024-01-01T00:00:00", 0]', "date(2024, 1, 2)"),
    _leaf("datetime", '["2024-02-29T12:34:56Z", "2024-02-29 12:34", 1700000000, "2024-02-29"]'),
    _leaf("timedelta", '["P1DT2H", 90, "1.00:00:00", "00:00:01.5", -1.5]', "timedelta(days=1)"),
    _leaf("UUID", '["f47ac10b-58cc-4372-a567-0e02b2c3d479", "f47ac10b58cc4372a5670e02b2c3d479"]'),
    _leaf("bytes", '["ab", "", "é", "YWI="]', "b'ab'"),
    _leaf("None", "[null]"),
    _leaf("Literal['draft', 'final', 3, True, None]", '["draft", "final", 3, true, null]', "'draft'"),
    _leaf("Literal['on']", '["on"]', "'on'"),
    _leaf("Color", '["red", "green", 0]', "Color.RED"),
    _leaf("Level", "[1, 2]", "Level.HIGH"),
    _leaf("Sort", '["x", "y"]', "Sort.X"),
    _leaf("SecretStr", '["ab", ""]', "SecretStr('s')"),
    _leaf("AnyHttpUrl", '["http://example.com", "https://example.com/a?b=c"]'),
    _leaf("Json", r'["[1, {\"a\": null}]", "\"ab\"", " 5 "]', hashable=False),
    _leaf("Json[list[int]]", '["[1, 2]", "[]", " [3 ]"]', "[1]", hashable=False),
    _leaf("Annotated[str, PlainSerializer(size_of)]", '["ab", ""]', "'abc'"),
    _leaf("Annotated[list[int], PlainSerializer(size_of, return_type=int)]", "[[1, 2], []]", "[1]", hashable=False),
    _leaf("Any", r'[1, "ab", null, [1, {"a": null}], {"kind": "x"}, 1e400]', "[1, {'a': None}]", hashable=False),
    _leaf("JsonValue", r'[1, "ab", null, [1, {"a": null}], {"a": [2.5]}]', "[1, {'a': None}]", hashable=False),
    _leaf("object", r'[1, "ab", null, {"a": {}}]', hashable=False),
]

KEYS = [
    _leaf("int", '["1", "-2", "30"]'),
    _leaf("float", '["1.5", "2"]'),
    _leaf("bool", '["true", "0"]'),
    _leaf("date", '["2024-02-29", "2024-01-02"]'),
    _leaf("Color", '["red", "green"]'),
    _leaf("Literal['x', 'y']", '["x", "y"]'),
    _leaf("Annotated[str, Field(max_length=3)]", '["ab", "", "a/b"]'),
]

TAGS = [
    [("'x'", '["x"]'), ("'y', 'v'", '["y", "v"]'), ("'z'", '["z"]')],
    [("1", "[1]"), ("2", "[2]"), ("0, -3", "[-3]")],
    [("Sort.X", '["x"]'), ("Sort.Y", '["y"]'), ("Sort.Z", '["z"]')],
    [("'1'", '["1"]'), ("1", "[1]"), ("Level.HIGH", "[2]")],
]
"""Literals that tell the members of a union apart, each with documents."""

CONFIGS: list[dict[str, str]] = [
    {"strict": "True"},
    {"frozen": "True"},
    {"use_enum_values": "True"},
    {"coerce_numbers_to_str": "True"},
    {"loc_by_alias": "False"},
    {"allow_inf_nan": "False"},
    {"str_strip_whitespace": "True"},
    {"str_to_upper": "True"},
    {"str_max_length": "6"},
    {"ser_json_timedelta": "'float'"},
    {"ser_json_temporal": "'seconds'"},
    {"ser_json_bytes": "'base64'"},
    {"ser_json_bytes": "'hex'", "val_json_bytes": "'hex'"},
    {"ser_json_inf_nan": "'strings'"},
    {"validate_default": "True"},
    {"populate_by_name": "True"},
    {"validate_by_name": "True", "validate_by_alias": "False"},
    {"serialize_by_alias": "True"},
    {"alias_generator": "to_camel"},
    {"alias_generator": "AliasGenerator(alias=to_pascal, validation_alias=to_camel)"},
    {"revalidate_instances": "'always'"},
    {"from_attributes": "True"},
    {"defer_build": "True"},
    {"regex_engine": "'python-re'"},
]

ALIASES: list[tuple[str, list[Way]]] = [
    ("alias={one!r}", [("{one}",)]),
    ("validation_alias={one!r}", [("{one}",)]),
    ("serialization_alias={one!r}", []),
    ("validation_alias=AliasChoices({one!r}, {other!r})", [("{one}",), ("{other}",)]),
    ("validation_alias=AliasPath('outer', 0)", [("outer", 0)]),
    ("validation_alias=AliasPath('outer', 1, {one!r})", [("outer", 1, "{one}")]),
    ("validation_alias=AliasChoices({one!r}, AliasPath('shared', {name!r}))", [("{one}",), ("shared", "{name}")]),
]
"""Arguments of `Field`, and where JSON has the value then; nowhere else than under its name where none is told."""

# -- what classes are made of ------------------------------------------------------------------------------

_AFTER = ["kept", "truthy", "short", "not_odd", "changed", "retyped"]
_TOLD = ["by_siblings", "without_context", "with_siblings"]
_BEFORE = ["kept", "not_null", "tidied", "listed", "first", "or_default"]
_AROUND = ["handled", "forgiven", "unwrapped"]
VALIDATORS = [
    *(f"field_validator({{name!r}})({function})" for function in _AFTER + _TOLD),
    *(f"field_validator({{name!r}}, mode='before')({function})" for function in [*_BEFORE, "without_context"]),
    *(f"field_validator({{name!r}}, mode='wrap')({function})" for function in _AROUND),
    "field_validator({name!r}, mode='plain')(kept)",
    "field_validator('*')(kept)",
]
AFTER_MODEL = [f"model_validator(mode='after')({function})" for function in ("kept", "checked", "shortened", "copied")]
AHEAD = [
    "model_validator(mode='before')(with_a)",
    "model_validator(mode='before')(not_empty)",
    "model_validator(mode='before')(first)",
    "model_validator(mode='wrap')(handled)",
    "model_validator(mode='wrap')(unwrapped)",
]
WRITERS = [
    "field_serializer({name!r})(as_text)",
    "field_serializer({name!r})(among)",
    "field_serializer({name!r}, mode='wrap')(bracketed)",
    "field_serializer({name!r}, when_used='unless-none', return_type=str)(as_text)",
]
COMPUTED = [f"computed_field(property({function}))" for function in ("summary", "set_names", "first_field")]
MODEL_WRITERS = ["model_serializer(mode='wrap')(whole)", "model_serializer(set_names)"]

HINTS = [
    "Stream(hold=True)",
    "Stream(hold=True)",
    "Stream(eager=True)",
    "Stream(needed=True)",
    "Stream(on_invalid='emit')",
]
DRESSES = [
    *(f"AfterValidator({function})" for function in _AFTER + _TOLD),
    # Of an item, a validator that asks for the default ends the stream: see the contract.
    *(f"BeforeValidator({function})" for function in _BEFORE if function != "or_default"),
    *(f"WrapValidator({function})" for function in _AROUND),
    "PlainValidator(kept)",
    "WrapSerializer(bracketed)",
    *HINTS,
]
OPTIONS = ["exclude=True", "exclude_if=falsy", "repr=False", "frozen=True", "strict=True"]


INNER = [
    "_leaf",
    "_leaf",
    "_leaf",
    "_optional",
    "_list",
    "_list",
    "_dict",
    "_tuple",
    "_set",
    "_json",
    "_union",
    "_union",
    "_union",
    "_tagged",
    "_tagged",
    "_told_apart",
    "model",
    "model",
    "model",
    "model",
    "_root",
    "_generic",
    "_dataclass",
    "_typed_dict",
    "_named_tuple",
]
RECURSIONS = [("Optional[{}]", "null"), ("list[{}]", "[]"), ("dict[str, {}]", "{}")]
LISTS = [
    ("list[{}]", "[]"),
    ("list[{}]", "[]"),
    ("tuple[{}, ...]", "()"),
    ("Annotated[list[{}], Field(min_length=1, max_length=2)]", "[]"),
    ("Sequence[{}]", "[]"),
    ("deque[{}]", "deque()"),
]
PLAIN = ["None", "{'extra': 'forbid'}", "{'extra': 'allow'}", "{'strict': True}", "{'use_enum_values': True}"]

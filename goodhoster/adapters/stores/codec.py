"""Encodes frozen values of the model as JSON and decodes them by their own types.

What is stored must be readable by later versions: a field that is missing takes its default, one that is not known any
more is left out.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Value = TypeVar("Value")
Reader = Callable[[Any], Any]


def encode(value: object) -> str:
    """Encode a value as one line of JSON."""
    return json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)


def decode(kind: type[Value], line: str) -> Value:
    """Decode the value that was encoded.

    ValueError, TypeError or KeyError when it is no value of that kind.
    """
    key: Any = kind  # mypy does not take a class for hashable
    read: Callable[[Any], Value] = _reader(key)
    return read(json.loads(line))


def _plain(value: Any) -> Any:  # noqa: ANN401 - any field of the model
    if type(value) is str:  # most are
        return value
    if dataclasses.is_dataclass(value):
        kind: Any = type(value)
        # Defaults are left out: most fields of most items have them.
        fields = zip(_defaults(kind), _values(kind)(value), strict=True)
        return {name: _plain(field) for (name, default), field in fields if field is not default and field != default}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, date):  # a time is one, too
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.value if isinstance(value, Enum) else value


@cache
def _values(kind: Any) -> Callable[[Any], tuple[Any, ...]]:  # noqa: ANN401 - a dataclass
    """A function that takes all fields of such a value in one call: there are many."""
    names = [field.name for field in dataclasses.fields(kind)]
    return attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, names[0]),)


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:  # noqa: ANN401 - a dataclass
    return tuple((field.name, _default(field)) for field in dataclasses.fields(kind))


def _default(field: dataclasses.Field[Any]) -> Any:  # noqa: ANN401 - any value
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


@cache
def _reader(kind: Any) -> Reader:  # noqa: ANN401 - a type, or what typing makes of one
    """The decoder for values of that type."""
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        item = _reader(arguments[0])
        return lambda values: tuple(item(value) for value in values)
    if origin in {Union, UnionType}:
        (other,) = (_reader(argument) for argument in arguments if argument is not NoneType)
        return lambda value: None if value is None else other(value)
    if origin is Literal:
        return str
    if origin is Mapping:
        return dict
    simple: Reader = _SIMPLE.get(kind, kind)
    return simple


_SIMPLE: dict[Any, Reader] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    bytes: lambda text: base64.b64decode(text, validate=True),
}


def _dataclass_reader(kind: Any) -> Reader:  # noqa: ANN401 - a dataclass
    hints = get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name]) for field in dataclasses.fields(kind)}

    def read(data: dict[str, Any]) -> Any:  # noqa: ANN401 - a value of that kind
        return kind(**{name: readers[name](value) for name, value in data.items() if name in readers})

    return read

"""Hypothesis strategies for records, made from their own types: a new field is covered the day it is added."""

import datetime as dt
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import msgspec.inspect
from hypothesis import strategies as st
from msgspec.inspect import (
    BoolType,
    DateTimeType,
    DateType,
    DictType,
    IntType,
    ListType,
    LiteralType,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
)

R = TypeVar("R")

_text = st.text(st.characters(codec="utf-8"), max_size=20)
_times = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001  # as it asks for


@cache
def records(record: type[R]) -> st.SearchStrategy[R]:
    """Records of a type (or of a union of types) with anything in them that the type allows."""
    return cast("st.SearchStrategy[R]", _of(msgspec.inspect.type_info(record)))


def _of(kind: Type) -> st.SearchStrategy[object]:
    """Raises KeyError for a type of field that has no line in the table below; add one."""
    return _STRATEGIES[type(kind)](kind)


def _strings(kind: Any) -> st.SearchStrategy[object]:  # noqa: ANN401  # one of msgspec's many types
    return st.from_regex(kind.pattern, fullmatch=True) if kind.pattern else _text


def _structs(kind: Any) -> st.SearchStrategy[object]:  # noqa: ANN401  # as above
    return st.builds(kind.cls, **{field.name: _of(field.type) for field in kind.fields})


_STRATEGIES: dict[type[Type], Callable[[Any], st.SearchStrategy[object]]] = {
    NoneType: lambda _: st.none(),
    BoolType: lambda _: st.booleans(),
    IntType: lambda kind: st.integers(-(2**53) if kind.ge is None else kind.ge, 2**53 if kind.le is None else kind.le),
    StrType: _strings,
    DateTimeType: lambda _: _times,
    DateType: lambda _: st.dates(),
    LiteralType: lambda kind: st.sampled_from(kind.values),
    ListType: lambda kind: st.lists(_of(kind.item_type), min_size=kind.min_length or 0, max_size=4),
    DictType: lambda kind: st.dictionaries(_of(kind.key_type), _of(kind.value_type), max_size=3),
    UnionType: lambda kind: st.one_of([_of(each) for each in kind.types]),
    StructType: _structs,
}

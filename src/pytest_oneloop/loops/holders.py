"""Under which name a project holds an object: a fixture's value, a module's name, a variable."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_oneloop.loops.evidence import Spot


_MANY: Final = 1000
"""Items of a container that are looked at."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A name for an object.

    Attributes:
        kind: `fixture`, `module` or `variable`.
        name: How the project says it: `cache`, `cache.lock`.
        owner: The fixture's name, the module's file, or the function's name.
    """

    kind: str
    name: str
    owner: str


def holders(thing: object, values: Mapping[str, object], spots: Sequence[Spot]) -> Iterator[Holder]:
    """Yield the names that an object has: of fixtures first, then of modules, then of variables.

    Looks at the values themselves and at their attributes; at the items of dicts, lists and tuples
    and at theirs. Runs no code of any.

    Args:
        thing: The object; `None` is nobody's, for many names have it.
        values: The values of the test's fixtures, by name.
        spots: The frames of the failure.
    """
    if thing is None:
        return
    own = [spot for spot in spots if spot.is_of_project]
    for name, path in _found(thing, values):
        yield Holder("fixture", path, name)
    for spot in reversed(own):
        for _, path in _found(thing, spot.frame.f_globals):
            yield Holder("module", path, str(spot.file))
    for spot in reversed(own):
        names = {name: value for name, value in spot.names.items() if name != "self"}
        for _, path in _found(thing, names):
            yield Holder("variable", path, spot.function)


def _found(thing: object, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield each name whose value is the object or has it as an attribute, with the whole path."""
    for name, value in values.items():
        if value is thing and not name.startswith("__"):
            yield name, name
    for name, value in values.items():
        if isinstance(value, type) or name.startswith("__"):
            continue
        for path in _inside(thing, value):
            yield name, f"{name}{path}"


def _inside(thing: object, value: object) -> Iterator[str]:
    """Yield the ways from a value to the object: `.lock`, `["lock"]`, `["cache"].lock`."""
    for attribute, held in attributes(value):
        if held is thing:
            yield f".{attribute}"
    for key, held in _items(value):
        way = f"[{key!r}]".replace("'", '"')
        if held is thing:
            yield way
        for attribute, part in attributes(held):
            if part is thing:
                yield f"{way}.{attribute}"


def _items(value: object) -> Iterator[tuple[str | int, object]]:
    """Yield what a container of Python's own has, by keys that say something to people."""
    if type(value) is dict:
        for key, held in islice(list(value.items()), _MANY):
            if isinstance(key, str | int):
                yield key, held
    elif type(value) is list or type(value) is tuple:
        yield from enumerate(islice(value, _MANY))


def attributes(value: object) -> Iterator[tuple[str, object]]:
    """Yield the attributes that an object itself has, with their values; runs no code of its."""
    slots = [name for one in type(value).__mro__ for name in _names(vars(one).get("__slots__", ()))]
    # One without a `__dict__`, and one whose slot is not set, say so by an AttributeError.
    with suppress(AttributeError):
        yield from list(object.__getattribute__(value, "__dict__").items())
    for name in slots:
        with suppress(AttributeError):
            yield name, object.__getattribute__(value, name)


def _names(slots: object) -> tuple[str, ...]:
    if isinstance(slots, str):
        return (slots,)
    return tuple(map(str, slots)) if isinstance(slots, Iterable) else ()


def kind_of(thing: object) -> str:
    """Return the class of an object by the shortest name that it can be imported by."""
    kind = type(thing)
    parts = kind.__module__.lstrip("_").split(".")
    for length in range(1, len(parts)):
        name = ".".join(parts[:length])
        if getattr(sys.modules.get(name), kind.__qualname__, None) is kind:
            return f"{name}.{kind.__qualname__}"
    return f"{'.'.join(parts)}.{kind.__qualname__}"

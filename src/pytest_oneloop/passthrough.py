"""Engines that are left alone: which ones a project may name."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

from pytest_oneloop.errors.settings import InvalidSettingError

if TYPE_CHECKING:
    from pytest_oneloop.options import Value

ALWAYS_LED: Final = "postgresql"
"""The dialect whose engines are never left alone: their URL may be that of production."""

_DRIVERS: Final = ("asyncpg", "psycopg", "psycopg2")
"""The drivers with which its engines are led to the test database."""

_ALSO_CALLED: Final = {"postgres": ALWAYS_LED, **dict.fromkeys(_DRIVERS, ALWAYS_LED)}
"""What people write for it, and SQLAlchemy does not know."""


def passthrough_names(held: Value[str]) -> tuple[str, ...]:
    """Return the names in the setting `oneloop_passthrough`, in lower case, each once.

    Each is a dialect (`oracle`), or a dialect and a driver (`oracle+oracledb`). If there are any,
    SQLAlchemy and the dialects are imported; no driver is.

    Raises:
        InvalidSettingError: SQLAlchemy does not know a name, or its engines are always led to the
            test database.
    """
    names = tuple(dict.fromkeys(held.value.replace(",", " ").lower().split()))
    for name in names:
        _check(name, held)
    return names


def is_driver_always_led(module: str) -> bool:
    """Whether a connection whose class is of this module is one that is never left alone."""
    return not {ALWAYS_LED, *_DRIVERS}.isdisjoint(module.split("."))


def _check(name: str, held: Value[str]) -> None:
    from sqlalchemy import URL  # noqa: PLC0415 - costs 100 ms; only a run that needs it pays
    from sqlalchemy.exc import NoSuchModuleError  # noqa: PLC0415

    try:
        dialect = URL.create(_ALSO_CALLED.get(name, name)).get_dialect()
    except NoSuchModuleError:
        raise _error(
            held,
            problem=f"SQLAlchemy knows no dialect {name!r}.",
            instead=f"write the name that stands first in the engine's URL, such as "
            f"{_near(name)}. A dialect that the project registers by code has to be "
            "registered in a plugin that pytest loads by -p.",
        ) from None
    bare = "+" not in name
    if dialect.name == ALWAYS_LED and (bare or dialect.driver in _DRIVERS):
        raise _error(
            held,
            problem=f"engines of {ALWAYS_LED} are led to the test database; one that is left "
            "alone would connect to the real one in its URL.",
            instead=f"leave {name} out. An engine whose driver is not isolated can be let through "
            f"by dialect and driver, such as {ALWAYS_LED}+pg8000.",
        )


def _near(name: str) -> str:
    """Return the name of the dialect that looks most like this one, or else an example."""
    from sqlalchemy import dialects  # noqa: PLC0415 - as above

    installed = (
        found.name.partition(".")[0] for found in entry_points(group="sqlalchemy.dialects")
    )
    known = sorted({*dialects.__all__, "mariadb", *installed} - {ALWAYS_LED})
    return next(iter(get_close_matches(name.partition("+")[0], known, n=1)), "oracle")


def _error(held: Value[str], *, problem: str, instead: str) -> InvalidSettingError:
    return InvalidSettingError(
        name="oneloop_passthrough",
        value=held.value,
        source=held.source,
        problem=problem,
        instead=instead,
    )

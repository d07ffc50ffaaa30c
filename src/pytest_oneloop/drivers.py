"""The drivers that are installed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING

from pytest_oneloop.errors.connection import MissingDriverError

if TYPE_CHECKING:
    from collections.abc import Iterable

NOWHERE = "oneloop.invalid"
"""The host of engines that the plugin makes for itself; none can have this name (RFC 2606)."""

ATTACHED = "-attached-"
"""What the names of copies of attached files have after that of the file they are attached to."""

PRISTINE = "-pristine"
"""The end of the name of what such a copy looks like at first."""

TEMPLATE = "template"
"""The name, in place of the file's, that copies have which were changed with the schema."""

# What SQLAlchemy calls each driver. The one that the extra `postgres` installs comes first.
_DRIVERS = ("asyncpg", "psycopg", "psycopg2")
_ASYNCHRONOUS = ("asyncpg", "psycopg")
_MYSQL = ("aiomysql", "asyncmy")


def installed_drivername() -> str:
    """Choose the driver for the plugin's own connections: `postgresql+asyncpg`, for example.

    A driver that the project has imported already is preferred: importing another costs some
    150 ms. A driver that is installed but cannot be imported (no libpq) counts as absent; the
    error says so.

    Raises:
        MissingDriverError: There is none.
    """
    tried: dict[str, str] = {}
    for name in sorted(_DRIVERS, key=lambda name: sys.modules.get(name) is None):
        if (problem := _import(name)) is None:
            return f"postgresql+{name}"
        tried[name] = problem
    raise MissingDriverError(tried, broken=_installed(tried))


def asynchronous_drivername(preferred: str | None) -> str:
    """Choose the driver for engines that the plugin's fixtures make: the application's own.

    Two drivers in one test would be two connections, which do not see one another's work. An engine
    imports its driver when it is made, so one that is imported is the application's.

    Args:
        preferred: The one that the project's migrations connect with, if known.

    Raises:
        MissingDriverError: None that is asynchronous is installed.
    """
    tried: dict[str, str] = {}
    wanted = (preferred or "").rpartition("+")[2]
    for name in sorted(_ASYNCHRONOUS, key=lambda name: (name != wanted, name not in sys.modules)):
        if (problem := _import(name)) is None:
            return f"postgresql+{name}"
        tried[name] = problem
    raise MissingDriverError(tried, broken=_installed(tried))


def _import(name: str) -> str | None:
    """Import a driver; return the first line of what it says if it cannot be, else `None`."""
    try:
        importlib.import_module(name)
    except ImportError as error:
        return _first_line(error)
    except Exception as error:  # noqa: BLE001 - whatever a broken one raises; it is told
        return f"{type(error).__name__}: {_first_line(error)}"
    return None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or "its import fails without a word"


def _installed(names: Iterable[str]) -> tuple[str, ...]:
    """Return the drivers that are there, of some that cannot be imported."""
    return tuple(name for name in names if importlib.util.find_spec(name) is not None)


def mysql_drivername(*, asynchronous: bool, preferred: str | None = None) -> str:
    """Choose a driver for MySQL: `mysql+aiomysql`, for example; the application's, if it shows.

    Args:
        asynchronous: It is to be an asynchronous one, if one is installed. Otherwise it is PyMySQL,
            which the plugin needs itself.
        preferred: The one that the project's migrations connect with, if known.
    """
    wanted = (preferred or "").rpartition("+")[2]
    names = sorted(_MYSQL, key=lambda name: (name != wanted, name not in sys.modules))
    found = (name for name in names if asynchronous and importlib.util.find_spec(name))
    return f"mysql+{next(found, 'pymysql')}"

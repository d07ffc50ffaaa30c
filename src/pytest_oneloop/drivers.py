"""The drivers that are installed."""

from __future__ import annotations

import importlib
import importlib.util
import sys

from pytest_oneloop.errors.connection import MissingDriverError

NOWHERE = "oneloop.invalid"
"""The host of engines that the plugin makes for itself; none can have this name (RFC 2606)."""

# What SQLAlchemy calls each driver. The one that the extra `postgres` installs comes first.
_DRIVERS = ("asyncpg", "psycopg", "psycopg2")
_ASYNCHRONOUS = ("asyncpg", "psycopg")
_MYSQL = ("aiomysql", "asyncmy")


def installed_drivername() -> str:
    """Choose the driver for the plugin's own connections: `postgresql+asyncpg`, for example.

    A driver that the project has imported already is preferred: importing another costs some
    150 ms. A driver that is installed but cannot be imported (no libpq) counts as absent.

    Raises:
        MissingDriverError: There is none.
    """
    tried: dict[str, str] = {}
    for name in sorted(_DRIVERS, key=lambda name: sys.modules.get(name) is None):
        try:
            importlib.import_module(name)
        except ImportError as error:
            tried[name] = str(error).splitlines()[0]
        else:
            return f"postgresql+{name}"
    raise MissingDriverError(tried)


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
        try:
            importlib.import_module(name)
        except ImportError as error:
            tried[name] = str(error).splitlines()[0]
        else:
            return f"postgresql+{name}"
    raise MissingDriverError(tried)


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

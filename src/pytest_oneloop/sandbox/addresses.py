"""Where the application's engines would go, and which database of the run that means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.drivers import NOWHERE
from pytest_oneloop.keys import key_of, led_as

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.engine import Dialect

_PORTS: Final = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
"""The dialects whose databases are on servers, and where these listen if nothing else is said."""

_NAMES: Final = ("database", "dbname", "db")
"""What drivers call the database that they connect to."""

_FILE: Final = "."
"""What stands for the host in the address of a file."""

_MEMORY: Final = ":memory:"

_OWN: Final = "oneloop_"
"""How the names of the plugin's databases on servers begin."""


class Addresses:
    """Knows which database an engine means, and notes where engines point.

    An address is written `host:port/name`, with a file's path in place of the name. A name that
    the user has given means each address that ends with it, whole parts between slashes compared;
    of several names the longest counts. For people, a file is `./name`, in whatever folder it is:
    suites like to have theirs in a folder for each test.

    Args:
        same: For an address `host/name` or `./name`, another one that means the same database.
        names: The databases that have a template of their own.
    """

    def __init__(self, same: Mapping[str, str] | None = None, names: Iterable[str] = ()) -> None:
        self._same = same or {}
        self._names = {name: name for name in sorted(names, key=_precision, reverse=True)}
        self._own: dict[str, str] = {}
        self._found: dict[str, dict[str, None]] = {}
        self._met: set[str] = set()
        self._sources: dict[str, dict[str, None]] = {}

    @property
    def found(self) -> dict[str, list[str]]:
        """For each dialect, the different addresses of engines that are led to its one database.

        In the order of their first use.
        """
        return {dialect: list(addresses) for dialect, addresses in self._found.items()}

    @property
    def sources(self) -> dict[str, list[str]]:
        """For each dialect, the different addresses that the main schema's source has met.

        None where the template was there already, or its source has no engine of its own.
        """
        return {dialect: list(addresses) for dialect, addresses in self._sources.items()}

    @property
    def unmet(self) -> list[str]:
        """The names to which no engine has pointed so far."""
        return [name for name in self._names if name not in self._met]

    def learn(self, database: str, name: str) -> None:
        """Know one of the plugin's own databases by what an engine's URL will call it.

        Args:
            database: Its name on its server, or its path.
            name: Which one it stands for; empty for the main one.
        """
        self._own[database] = name

    def key(self, dialect: Dialect, arguments: Sequence[Any], parameters: Mapping[str, Any]) -> str:
        """Return the key of the database that an engine means. Notes nothing.

        Args:
            dialect: The engine's.
            arguments: What its driver would be given to connect.
            parameters: The rest of that, by name.
        """
        return key_of(dialect.name, self._name(_forms(dialect.name, arguments, parameters)))

    def note(
        self, dialect: Dialect, arguments: Sequence[Any], parameters: Mapping[str, Any]
    ) -> str:
        """Return the same, and note that an engine connects."""
        forms = _forms(dialect.name, arguments, parameters)
        name = self._name(forms)
        if name:
            self._met.add(name)
        elif self._is_the_applications(forms):
            found = self._found.setdefault(led_as(dialect.name), {})
            found[self._same.get(forms[0], forms[0])] = None
        return key_of(dialect.name, name)

    def note_source(
        self, dialect: Dialect, arguments: Sequence[Any], parameters: Mapping[str, Any]
    ) -> None:
        """Note that an engine connects by which the main database's tables are made."""
        form = _forms(dialect.name, arguments, parameters)[0]
        found = self._sources.setdefault(led_as(dialect.name), {})
        found[self._same.get(form, form)] = None

    def _is_the_applications(self, forms: Sequence[str]) -> bool:
        """Tell whether an address is one of a database, and of none of the plugin's."""
        host, _, name = forms[0].rpartition("/")
        if host == _FILE:
            return name not in ("", _MEMORY) and forms[1].partition("/")[2] not in self._own
        return name != "" and not name.startswith(_OWN)

    def _name(self, forms: Sequence[str]) -> str:
        """Return the name that one of these addresses of a database ends with."""
        one = self._same.get(forms[0], forms[0])
        others = [other for other in {*self._same, one} if self._same.get(other, other) == one]
        known = [*self._own.items(), *self._names.items()]
        return next(
            (
                name
                for end, name in known
                if any(f"/{form}".endswith(f"/{end}") for form in [*forms, *others])
            ),
            "",
        )


def address(dialect: Dialect, arguments: Sequence[Any], parameters: Mapping[str, Any]) -> str:
    """Return where an engine points, for people: `host/name`, or a path."""
    plain, whole = _forms(dialect.name, arguments, parameters)
    return plain if dialect.name in _PORTS else whole.partition("/")[2]


def is_nowhere(arguments: Sequence[Any], parameters: Mapping[str, Any]) -> bool:
    """Whether an engine is the plugin's own, and means whatever database is being built."""
    return any(NOWHERE in str(value) for value in (*arguments, *parameters.values()))


def _forms(
    dialect: str, arguments: Sequence[Any], parameters: Mapping[str, Any]
) -> tuple[str, str]:
    """Return the address for people, and the whole one."""
    named = next((str(parameters[name]) for name in _NAMES if parameters.get(name)), "")
    database = named or str(next(iter(arguments), ""))
    if dialect not in _PORTS:
        # SQLite takes a URI as well.
        path, _, options = database.removeprefix("file:").partition("?")
        name = _MEMORY if "mode=memory" in options else path.rpartition("/")[2]
        return f"{_FILE}/{name}", f"{_FILE}/{path}"
    host = _first(parameters.get("host")) or "localhost"
    port = _first(parameters.get("port")) or _PORTS[dialect]
    return f"{host}/{database}", f"{host}:{port}/{database}"


def _first(value: object) -> str:
    """Return the first of several hosts, which drivers take as a list, or with commas."""
    several = value if isinstance(value, (list, tuple)) else str(value or "").split(",")
    return str(next(iter(several), ""))


def _precision(name: str) -> tuple[int, bool]:
    """Say how much of an address a name tells."""
    return name.count("/"), ":" in name

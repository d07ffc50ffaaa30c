"""How pytest's configuration is written in a file: as a TOML table, or as a section of an INI file.

Values are read with what pytest itself reads them with (tomllib and iniconfig), and added with
libraries that keep a file's comments and layout (tomlkit and ConfigUpdater).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tomlkit.items import Comment, Table, Whitespace

Value = str | list[str]
"""What an option of pytest can be set to here: a text, or several."""


class Style(Protocol):
    """One way to write pytest's configuration."""

    @property
    def section(self) -> str:
        """The table or section, as its header line has it: `[tool.pytest.ini_options]`."""
        ...

    def read(self, text: str) -> dict[str, object] | None:
        """Return the values; `None` if the file has no such table or section.

        Raises:
            ValueError: The text is not valid, or pytest refuses it; the error's text says why.
        """
        ...

    def table(self, text: str, name: str) -> dict[str, object]:
        """Return another table of the file, such as `tool.fastapi`; empty if there is none."""
        ...

    def added(self, text: str, values: Mapping[str, Value], *, table: str | None = None) -> str:
        r"""Return `text` with `values` added to the section, or to another table of the file.

        Args:
            text: The file, with `\n` at the end of its lines; empty for one that is not there.
            values: Options that are not set yet.
            table: Another table than that of pytest, where the file can have one.

        Raises:
            ValueError: The values cannot be added to a file that is written in this way.
        """
        ...

    def line(self, name: str, value: Value) -> str:
        """Return the line that sets an option, as a person would write it."""
        ...

    def by_hand(
        self, text: str, values: Mapping[str, Value], *, table: str | None = None
    ) -> list[str]:
        """Return what a person is to write where `added` cannot, each part on its own."""
        ...


@dataclass(frozen=True, slots=True)
class TomlStyle:
    """A table of a TOML file.

    Attributes:
        name: The table's dotted name.
        own: Whether the file is pytest's own, and configures it even without the table.
    """

    name: str
    own: bool = False

    @property
    def section(self) -> str:
        """The table's header."""
        return f"[{self.name}]"

    def read(self, text: str) -> dict[str, object] | None:
        """Return the table's values."""
        found = _table(_parsed(text), self.name)
        if found is None:
            return {} if self.own else None
        # Inside `[tool.pytest]`, that is the table of the older way to write the same.
        older = found.pop("ini_options", None)
        if found and older:
            message = "pytest refuses a file with both [tool.pytest] and [tool.pytest.ini_options]"
            raise ValueError(message)
        return found if found or older is None else None

    def table(self, text: str, name: str) -> dict[str, object]:
        """Return another table of the file."""
        return _table(_parsed(text), name) or {}

    def added(self, text: str, values: Mapping[str, Value], *, table: str | None = None) -> str:
        """Return `text` with `values` added: after the table's last one, or in a new table."""
        name = table or self.name
        if _table(_parsed(text), name) is None:
            lines = "".join(f"{self.line(key, value)}\n" for key, value in values.items())
            return f"{_with_gap(text)}[{name}]\n{lines}"
        import tomlkit  # noqa: PLC0415  (only where a file is edited)
        from tomlkit.items import Table  # noqa: PLC0415

        document = tomlkit.parse(text)
        found: Any = document
        for key in name.split("."):
            found = found[key]
        # What stands below the last value, up to the next header, is about the next table.
        trailing = _cut_trailing(found) if isinstance(found, Table) else []
        for key, value in values.items():
            found[key] = value
        for item in trailing:
            found.add(item)
        return tomlkit.dumps(document)

    def line(self, name: str, value: Value) -> str:
        """Return a line of TOML."""
        import tomlkit  # noqa: PLC0415  (only where a file is edited)

        return f"{name} = {tomlkit.item(value).as_string()}"

    def by_hand(
        self, text: str, values: Mapping[str, Value], *, table: str | None = None
    ) -> list[str]:
        """Return the lines; for an inline table the keys that belong inside its braces."""
        import tomlkit  # noqa: PLC0415  (only where a file is edited)
        from tomlkit.items import InlineTable  # noqa: PLC0415

        name = table or self.name
        lines = [self.line(key, value) for key, value in values.items()]
        held, missing = [], name.split(".")
        found: Any = tomlkit.parse(text)
        inline = False
        while missing and isinstance(found, dict) and missing[0] in found:
            found = found[missing[0]]
            inline |= isinstance(found, InlineTable)
            held.append(missing.pop(0))
        if not inline:
            return [f"[{name}]", *lines]
        # Nothing outside the braces may add to an inline table.
        inside = ", ".join(lines)
        if missing:
            inside = f"{'.'.join(missing)} = {{{inside}}}"
        return [f"inside the braces of {'.'.join(held)}: {inside}"]


@dataclass(frozen=True, slots=True)
class IniStyle:
    """A section of an INI file.

    Attributes:
        name: The section.
        own: Whether the file is pytest's own, and configures it even without the section.
    """

    name: str
    own: bool = False

    @property
    def section(self) -> str:
        """The section's header."""
        return f"[{self.name}]"

    def read(self, text: str) -> dict[str, object] | None:
        """Return the section's values."""
        from iniconfig import IniConfig, ParseError  # noqa: PLC0415  (only where there is one)

        try:
            found = IniConfig("", data=text)
        except ParseError as error:
            message = f"line {error.lineno + 1}: {error.msg}"
            raise ValueError(message) from error
        if self.name == "tool:pytest" and "pytest" in found and self.name not in found:
            message = "its section [pytest] has to be called [tool:pytest]"
            raise ValueError(message)
        if self.name not in found:
            return {} if self.own else None
        return dict(found[self.name].items())

    def table(self, text: str, name: str) -> dict[str, object]:  # noqa: ARG002  (of the protocol)
        """Return nothing: what TOML files hold for other tools, these do not."""
        return {}

    def added(self, text: str, values: Mapping[str, Value], *, table: str | None = None) -> str:
        """Return `text` with `values` added: after the section's last one, or in a new section."""
        if table is not None:
            message = f"there is no table [{table}] in an INI file"
            raise ValueError(message)
        from configparser import Error  # noqa: PLC0415  (only where a file is edited)

        from configupdater import ConfigUpdater, Option  # noqa: PLC0415

        lines = "".join(f"{self.line(name, value)}\n" for name, value in values.items())
        # The empty value of a name without `=` is what iniconfig calls an error; other sections
        # of a `tox.ini` may have them all the same.
        updater = ConfigUpdater(allow_no_value=True, strict=False)
        try:
            updater.read_string(text if text.endswith("\n") else f"{text}\n")
        except Error as error:
            raise ValueError(str(error)) from error
        if not updater.has_section(self.name):
            return f"{_with_gap(text)}[{self.name}]\n{lines}"
        section = updater[self.name]
        options = [block for block in section.iter_blocks() if isinstance(block, Option)]
        for name, value in reversed(list(values.items())):
            place = options[-1].add_after if options else section.insert_at(0)
            place.option(name, _ini_text(value))
        return str(updater)

    def line(self, name: str, value: Value) -> str:
        """Return a line of an INI file."""
        return f"{name} = {_ini_text(value)}"

    def by_hand(
        self,
        text: str,  # noqa: ARG002  (of the protocol)
        values: Mapping[str, Value],
        *,
        table: str | None = None,
    ) -> list[str]:
        """Return the lines."""
        return [f"[{table or self.name}]", *(self.line(*one) for one in values.items())]


def _parsed(text: str) -> dict[str, Any]:
    return tomllib.loads(text)


def _table(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    found: Any = document
    for key in name.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _cut_trailing(table: Table) -> list[Comment | Whitespace]:
    """Take the comments and empty lines at the end of a table out of it, and return them."""
    body = table.value.body
    first = len(body)
    while first and body[first - 1][0] is None:
        first -= 1
    trailing: list[Any] = [item for _, item in body[first:]]
    del body[first:]
    return trailing


def _with_gap(text: str) -> str:
    """Return `text` with an empty line at its end, unless there is nothing in it."""
    return f"{text.rstrip(chr(10))}\n\n" if text.strip() else ""


def _ini_text(value: Value) -> str:
    return value if isinstance(value, str) else " ".join(value)

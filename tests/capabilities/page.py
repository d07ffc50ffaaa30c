"""The page of capabilities in the reference, as the probes have found them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from capabilities.probes import PROBES
from capabilities.runs import SAME
from pytest_oneloop.options import STRATEGIES
from tools.combinations import COMBINATIONS

if TYPE_CHECKING:
    from capabilities.runs import Found

PAGE = Path(__file__).parents[2] / "docs/reference/capabilities.md"
FOUND = Path(__file__).with_name("found.json")
"""What the last whole run has found."""

_DATABASES = {"postgresql": "PostgreSQL", "sqlite": "SQLite", "mysql": "MySQL and MariaDB"}
_ORDER = [name for name in ("rollback", "commit", "clone", "auto") if name in STRATEGIES]
_HEAD = """# What each database can do

<!-- Written by `make capabilities`: change the probes in tests/capabilities, not this page. -->

Each row is a small program, which was run with each driver without the plugin, and by the plugin in
every strategy: {strategies}.

- **yes**: in all strategies it sees what it sees without the plugin. A row in italics is a promise
  of the plugin's own, and *yes* says that it is kept.
- A strategy that is named with a code refuses, by [that error](errors.md); one that is named as
  *different* shows something else. All others are as with *yes*.
- **n/a**: the database, or SQLAlchemy's dialect of the driver, has no such thing.

Under `auto` a test that meets such a limit in the sandbox, or fails for it, is run again on a real
database. [Limits](limits.md) tells more of PostgreSQL.
"""


def load() -> dict[str, Found]:
    """Return what the last whole run has found."""
    found: dict[str, Found] = json.loads(FOUND.read_text(encoding="utf-8"))
    return found


def render(found: dict[str, Found]) -> str:
    """Return the whole page."""
    parts = [_HEAD.format(strategies=", ".join(f"`{name}`" for name in _ORDER))]
    for database, title in _DATABASES.items():
        drivers = [name for name, one in COMBINATIONS.items() if one.database == database]
        header = [title, *(_label(name) for name in drivers)]
        parts.append(f"\n## {title}\n\n| {' | '.join(header)} |\n{'|---' * len(header)}|\n")
        for one in PROBES:
            words = one.words if one.promise is None else f"*{one.words}*"
            cells = [_cell(found[driver].get(one.name)) for driver in drivers]
            parts.append(f"| {' | '.join([words, *cells])} |\n")
    return "".join(parts)


def _label(driver: str) -> str:
    name, _, kind = driver.partition(" ")
    return f"{name} ({kind})" if kind else name


def _cell(found: dict[str, str] | None) -> str:
    if found is None:
        return "n/a"
    otherwise: dict[str, list[str]] = {}
    for strategy in _ORDER:
        if found[strategy] != SAME:
            otherwise.setdefault(found[strategy], []).append(f"`{strategy}`")
    words = [f"{', '.join(names)}: {_linked(what)}" for what, names in otherwise.items()]
    return "; ".join(words) or "yes"


def _linked(what: str) -> str:
    return f"[{what}](errors.md)" if what.startswith("OL") else what

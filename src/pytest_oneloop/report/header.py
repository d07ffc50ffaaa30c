"""What the plugin says before the first test: a line, and under `-v` where each value is from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_oneloop.forecast import Forecast
    from pytest_oneloop.loops.scopes import LoopScopes
    from pytest_oneloop.run import TestRun
    from pytest_oneloop.settings import Settings

_DOT = "\u00b7"
_DOT_IN_ASCII = "|"


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """What the line says. A part that is `None` is left out, or named as stated here.

    Attributes:
        server: Such as `PostgreSQL 18.4 embedded` or `PostgreSQL 17.2 at db:5432`; `None` where
            none was started yet, and it is not known.
        schema: Such as `alembic 4 revisions`, or `shop.models:metadata`; `None` for "no schema".
        template: What is known of the template, such as `cached`.
        strategy: The default strategy.
        loop_scope: The loop scope of tests; `None` without pytest-asyncio.
        loop_set_by: Who chose it: `oneloop`, or a setting's name.
    """

    server: str | None
    schema: str | None
    strategy: str
    template: str | None = None
    loop_scope: str | None = None
    loop_set_by: str | None = None


def lines(run: TestRun, scopes: LoopScopes | None, *, encoding: str = "utf-8") -> list[str]:
    """Return the line of the run, and one for each database that has a name.

    Reads some files; starts nothing.
    """
    known = run.forecasts()
    whole = facts(run, scopes, known.pop(""))
    return [
        header_line(whole, encoding=encoding),
        *(database_line(name, one, encoding=encoding) for name, one in known.items()),
    ]


def facts(run: TestRun, scopes: LoopScopes | None, known: Forecast) -> HeaderFacts:
    """Gather what the line says.

    Args:
        run: The run.
        scopes: The loop scopes that hold; `None` without pytest-asyncio.
        known: What can be said of its main database.
    """
    return HeaderFacts(
        server=known.server,
        schema=known.schema,
        template=known.template,
        strategy=run.settings.strategy.value,
        loop_scope=scopes.test if scopes else None,
        loop_set_by=scopes.set_by if scopes else None,
    )


def header_line(facts: HeaderFacts, *, encoding: str = "utf-8") -> str:
    """Return the line for the head of pytest's report.

    Args:
        facts: What to say.
        encoding: The terminal's encoding; one without a middle dot gets a bar instead.
    """
    schema = _schema_part(facts.schema, facts.template)
    parts = [facts.server, schema, f"strategy {facts.strategy}", _loop_part(facts)]
    return "oneloop: " + separator(encoding).join(part for part in parts if part)


def database_line(name: str, known: Forecast, *, encoding: str = "utf-8") -> str:
    """Return the line of a database that has a name.

    Args:
        name: As the user has written it.
        known: What can be said of it.
        encoding: The terminal's encoding.
    """
    parts = (f"{name} on {known.server}", _schema_part(known.schema, known.template))
    return "oneloop: " + separator(encoding).join(parts)


def separator(encoding: str) -> str:
    """Return what stands between the parts of a line, in a form that the terminal can show."""
    return f" {_DOT if _can_encode(_DOT, encoding) else _DOT_IN_ASCII} "


def settings_lines(settings: Settings) -> list[str]:
    """Return a line for each setting, with its value and source; passwords are masked."""
    described = settings.described()
    name_width = max(len(name) for name, _, _ in described)
    value_width = max(len(value) for _, value, _ in described)
    return [
        f"  {name:<{name_width}}  {value:<{value_width}}  ({source})"
        for name, value, source in described
    ]


def _schema_part(schema: str | None, template: str | None) -> str:
    if schema is None:
        return "no schema"
    return f"schema {schema} (template {template})" if template else f"schema {schema}"


def _loop_part(facts: HeaderFacts) -> str | None:
    if facts.loop_scope is None:
        return None
    part = f"loop {facts.loop_scope}"
    return f"{part} (set by {facts.loop_set_by})" if facts.loop_set_by else part


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True

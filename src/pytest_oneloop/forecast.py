"""What can be said of a run before anything of it is started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_oneloop.errors import SetupError
from pytest_oneloop.plan import find_seed

if TYPE_CHECKING:
    from pytest_oneloop.plan import Plan
    from pytest_oneloop.schema import SchemaSource


@dataclass(frozen=True, slots=True)
class Forecast:
    """What can be said before anything is started.

    Attributes:
        server: Such as `PostgreSQL 18.6 embedded`.
        schema: Such as `alembic 4 revisions`; `None` where there is none.
        template: `cached` or `not built yet`; `None` where only a start would tell.
    """

    server: str
    schema: str | None
    template: str | None


def forecast(plan: Plan) -> Forecast:
    """Say what a run will use. Reads some files; starts and imports nothing of the project."""
    from pytest_oneloop.databases.binaries import find_binaries  # noqa: PLC0415
    from pytest_oneloop.databases.seeds import SeedCache  # noqa: PLC0415

    source, schema = describe(plan, "postgresql")
    if plan.settings.server_of("postgresql").value is not None:
        return Forecast(named_servers(plan), schema, None)
    try:
        binaries = find_binaries(plan.settings.postgres_bin.value)
    except SetupError as error:
        return Forecast(f"no server ({error.code})", schema, None)
    embedded = f"PostgreSQL {binaries.version} embedded"
    if source is None or not source.name.startswith("alembic"):
        return Forecast(embedded, schema, None)
    cache = SeedCache(plan.settings.cache_dir.value, binaries)
    _, seed = find_seed(cache, source, binaries.version, plan.rootdir)
    return Forecast(embedded, schema, "cached" if seed else "not built yet")


def named_servers(plan: Plan) -> str:
    """Return the servers that were named, for people; engines show which one it is."""
    from pytest_oneloop.settings import without_password  # noqa: PLC0415

    return f"server {' or '.join(map(without_password, plan.settings.server.value or ()))}"


def describe(plan: Plan, dialect: str) -> tuple[SchemaSource | None, str | None]:
    """Find the schema's source for a dialect, and what to say of it. Imports nothing of either.

    Args:
        plan: What is known of the run.
        dialect: The name of SQLAlchemy's dialect.
    """
    try:
        source = plan.schema(dialect)
        return source, source.describe() if source else None
    except SetupError as error:
        # It stops the run when a test needs a database, and only then.
        return None, f"unusable ({error.code})"

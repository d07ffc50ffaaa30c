"""PostgreSQL: an embedded server, or one that is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_oneloop import drivers, forecast, provision
from pytest_oneloop.isolation import RealDatabases
from pytest_oneloop.waiting import interruptible, on_a_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pytest_oneloop.kinds import Kind
    from pytest_oneloop.plan import Plan, WorkerDatabase
    from pytest_oneloop.provision import Destination
    from pytest_oneloop.sandbox.link import Link


class PostgreSQL:
    """The kind of PostgreSQL's databases."""

    dialect = "postgresql"

    def provide(self, plan: Plan) -> AbstractContextManager[WorkerDatabase[Destination]]:
        """Return a context that holds the worker's database."""
        return provision.worker_database(plan)

    def isolation(
        self,
        database: Callable[[], WorkerDatabase[Destination]],
        give_up: Callable[[], list[Link]],
    ) -> RealDatabases:
        """Return what puts it back."""
        return RealDatabases(database, on_a_thread, interruptible, give_up)

    def asynchronous_drivername(self, preferred: str | None) -> str:
        """Choose the driver for engines that the plugin's fixtures make."""
        return drivers.asynchronous_drivername(preferred)

    def forecast(self, plan: Plan) -> forecast.Forecast:
        """Say what a run will use."""
        return forecast.forecast(plan)


KIND: Final[Kind] = PostgreSQL()

"""What is said of the measurements, in the terminal and on the page alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_oneloop.demo.measurement import Measurement
    from pytest_oneloop.demo.setups import SetUp


def summary(measured: Sequence[Measurement]) -> str:
    """Say in one line how many tests failed, without the plugin and with it."""
    ways = {plugin: [one for one in measured if one.plugin is plugin] for plugin in (False, True)}
    failed, total = {}, {}
    for plugin, some in ways.items():
        failed[plugin] = sum(one.failed for one in some)
        total[plugin] = failed[plugin] + sum(one.passed for one in some)
    return (
        f"Without the plugin {failed[False]} of {total[False]} tests failed,"
        f" with it {failed[True]} of {total[True]}."
    )


def notes(setups: Sequence[SetUp], measured: Sequence[Measurement]) -> list[str]:
    """Explain the columns, and what has to be known to read them fairly."""
    columns = (
        "time: of pytest's whole process. conns: connections that were opened to the database of"
        " the tests. DDL: statements sent to it that make or drop something. leaked: rows of"
        " earlier tests that a test found."
    )
    told = [one for one in measured if one.plugin]
    said = [columns]
    connections = sum(one.other_connections for one in told)
    statements = sum(one.other_ddl_statements for one in told)
    runs = f"databases of its {len(told)} runs" if len(told) != 1 else "database of its one run"
    said.append(
        f"To make the {runs}, the plugin opened {connections} other"
        f" connections and sent {statements} other DDL statements."
    )
    said += [
        f"Set-up {one.number} keeps its own fixture, so its DDL is still sent: inside of each"
        " test's transaction, which is rolled back."
        for one in told
        if one.ddl_statements
    ]
    said += [
        f"Set-up {setup.number} ran without its conftest where the plugin was on: its fixtures put"
        " all sessions on one connection of SQLAlchemy's, above the driver, where the plugin"
        " cannot reach."
        for setup in setups
        if not setup.unchanged
    ]
    return said


def origin(version: str) -> str:
    """Say what the numbers come from."""
    return (
        f"Every number was measured in this run, on an embedded PostgreSQL {version}; each row is"
        " a pytest process of its own."
    )

"""All probes, in the order of the table."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from capabilities.probe import Probe, probe

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from capabilities.desk import Desk, Rows

ITEMS = "SELECT id FROM item ORDER BY id"
ADD = "INSERT INTO item (id) VALUES (3)"
SQLITE = frozenset({"sqlite"})  # one writer at a time


def flat(rows: Rows) -> list[Any]:
    return [row[0] for row in rows]


async def refused(work: Awaitable[object]) -> bool:
    """Tell whether the database, or its driver, raises an error."""
    try:
        await work
    except DBAPIError:
        return True
    return False


# -- what a test leaves ----------------------------------------------------------------------------


@probe("rows that a test commits are gone in the next", promise=[1, 2], again=2)
async def rows_gone(desk: Desk) -> Any:
    async with desk.seat() as seat:
        found = flat(await seat.run(ITEMS))
        await seat.run(ADD)
        await seat.run("UPDATE item SET name = 'changed'")
        await seat.commit()
        return found


@probe("ids start over with each test", promise=[1], again=2)
async def ids_start_over(desk: Desk) -> Any:
    async with desk.seat() as seat:
        await seat.run("INSERT INTO note (words) VALUES ('a')")
        await seat.commit()
        return flat(await seat.run("SELECT id FROM note"))


@probe("tables that a test makes are gone in the next", promise="made", again=2)
async def tables_gone(desk: Desk) -> Any:
    async with desk.seat() as seat:
        await seat.run("CREATE TABLE made (id int)")
        await seat.commit()
        return "made"


@probe(
    "rows of a fixture for several tests are there in each of them", promise=[1, 2, 100], again=2
)
async def shared_rows(desk: Desk) -> Any:
    """What adds the third row is a fixture of the module."""
    async with desk.seat() as seat:
        found = flat(await seat.run(ITEMS))
        await seat.run("DELETE FROM item")
        await seat.commit()
        return found


# -- transactions ----------------------------------------------------------------------------------


@probe("a commit is seen by others, a rollback undoes")
async def commits(desk: Desk) -> Any:
    async with desk.seat() as seat:
        await seat.run(ADD)
        await seat.commit()
        await seat.run("DELETE FROM item")
        await seat.rollback()
    async with desk.seat() as seat:
        return flat(await seat.run(ITEMS))


@probe("savepoints, nested")
async def savepoints(desk: Desk) -> Any:
    async with desk.seat() as seat:
        async with seat.nested():
            await seat.run(ADD)
            try:
                async with seat.nested():
                    await seat.run("INSERT INTO item (id) VALUES (4)")
                    raise LookupError  # noqa: TRY301 - it is what rolls back
            except LookupError:
                pass
        await seat.commit()
        return flat(await seat.run(ITEMS))


@probe("what an error leaves of its transaction")
async def after_an_error(desk: Desk) -> Any:
    async with desk.seat() as seat:
        await seat.run(ADD)
        twice = await refused(seat.run(ADD))
        failed = await refused(seat.run("SELECT 1"))
        await seat.rollback()
        return {"twice": twice, "failed": failed, "left": flat(await seat.run(ITEMS))}


@probe("a constraint that is checked at the commit")
async def deferred(desk: Desk) -> Any:
    async with desk.seat() as seat:
        if await refused(seat.run("INSERT INTO child VALUES (1, 9)")):
            return None
        at_commit = await refused(seat.commit())
        # SQLite's transaction is still open then, of which SQLAlchemy knows nothing.
        await seat.forget()
        return {"at commit": at_commit}


@probe("a result that is read in pieces")
async def streams(desk: Desk) -> Any:
    async with desk.seat() as seat:
        return flat(await seat.stream(ITEMS))


# -- several at once -------------------------------------------------------------------------------


@probe("twenty tasks, or threads, that write at once")
async def twenty(desk: Desk) -> Any:
    async def write(number: int) -> None:
        async with desk.seat() as seat:
            await seat.run("INSERT INTO item (id) VALUES (:id)", id=100 + number)
            await seat.commit()

    await desk.together(write, 20)
    async with desk.seat() as seat:
        return flat(await seat.run(ITEMS))


@probe("two connections in the middle of a transaction", lacking=SQLITE)
async def side_by_side(desk: Desk) -> Any:
    async with desk.seat() as one, desk.seat() as other:
        await one.run("INSERT INTO item (id) VALUES (10)")
        await other.run("INSERT INTO item (id) VALUES (11)")
        await one.commit()
        await other.commit()
    async with desk.seat() as seat:
        return flat(await seat.run(ITEMS))


@probe("a rollback around the commit of another connection", lacking=SQLITE)
async def around(desk: Desk) -> Any:
    async with desk.seat() as one, desk.seat() as other:
        await one.run("INSERT INTO item (id) VALUES (10)")
        await other.run("INSERT INTO item (id) VALUES (11)")
        await other.commit()
        await one.rollback()
    async with desk.seat() as seat:
        return flat(await seat.run(ITEMS))


@probe("what is not committed is hidden from others")
async def hidden(desk: Desk) -> Any:
    async with desk.seat() as one, desk.seat() as other:
        await one.run(ADD)
        found = flat(await other.run(ITEMS))
        await one.rollback()
        return found


@probe("a repeatable read sees no later commits", lacking=SQLITE)
async def repeatable_read(desk: Desk) -> Any:
    async with desk.seat() as one, desk.seat() as other:
        await one.level("REPEATABLE READ")
        before = flat(await one.run(ITEMS))
        await other.run(ADD)
        await other.commit()
        found = flat(await one.run(ITEMS))
        await one.rollback()
        return {"before": before, "after": found}


@probe("a row that another connection has locked", lacking=SQLITE)
async def locked_rows(desk: Desk) -> Any:
    async with desk.seat() as one, desk.seat() as other:
        await one.run("SELECT id FROM item WHERE id = 1 FOR UPDATE")
        free = await other.run("SELECT id FROM item ORDER BY id FOR UPDATE SKIP LOCKED")
        await one.rollback()
        await other.rollback()
        return flat(free)


@probe("a commit in two phases")
async def two_phases(desk: Desk) -> Any:
    async with desk.seat() as seat:
        try:
            await seat.two_phase(ADD)
        except (NotImplementedError, AttributeError):
            return None
    async with desk.seat() as seat:
        return flat(await seat.run(ITEMS))


# -- the rest --------------------------------------------------------------------------------------


@probe("a change of the schema")
async def schema_change(desk: Desk) -> Any:
    async with desk.seat() as seat:
        await seat.run("CREATE TABLE made (id int)")
        await seat.run("INSERT INTO made VALUES (7)")
        await seat.commit()
    async with desk.seat() as seat:
        return flat(await seat.run("SELECT id FROM made"))


@probe("a change of the schema that is rolled back")
async def schema_change_undone(desk: Desk) -> Any:
    async with desk.seat() as seat:
        await seat.run("CREATE TABLE made (id int)")
        await seat.rollback()
    async with desk.seat() as seat:
        return {"there": not await refused(seat.run("SELECT * FROM made"))}


@probe("a setting of one connection")
async def settings(desk: Desk) -> Any:
    change, ask = {
        "postgresql": ("SET application_name = 'mine'", "SHOW application_name"),
        "mysql": ("SET @mine = 'mine'", "SELECT @mine"),
        "sqlite": ("PRAGMA case_sensitive_like = ON", "SELECT 'A' LIKE 'a'"),
    }[desk.database]
    async with desk.seat() as one, desk.seat() as other:
        await one.run(change)
        await one.commit()
        own, others = await one.run(ask), await other.run(ask)
        return {"the same": own == others}


@probe("a temporary table of one connection")
async def temporary(desk: Desk) -> Any:
    async with desk.seat() as one, desk.seat() as other:
        await one.run("CREATE TEMPORARY TABLE short (id int)")
        await one.commit()
        hidden = await refused(other.run("SELECT * FROM short"))
        await other.rollback()
        kind = "TEMPORARY" if desk.database == "mysql" else ""
        await one.run(f"DROP {kind} TABLE short")
        await one.commit()
        return {"hidden": hidden}


@probe("the clock goes on from transaction to transaction")
async def clock(desk: Desk) -> Any:
    now = {
        "postgresql": "SELECT CAST(now() AS text)",
        "mysql": "SELECT now(6)",
        "sqlite": "SELECT strftime('%f', 'now')",
    }[desk.database]
    async with desk.seat() as seat:
        first = await seat.run(now)
        await seat.commit()
        time.sleep(0.01)  # noqa: ASYNC251 - nothing else is to be done meanwhile
        return {"the same": first == await seat.run(now)}


@probe("a notification", lacking={"sqlite", "mysql"})
async def notification(desk: Desk) -> Any:
    async with desk.seat() as one, desk.seat() as other:
        driver = await one.driver()
        heard: list[str] = []
        if desk.drives == "asyncpg":
            await driver.add_listener("news", lambda *told: heard.append(told[3]))
        else:
            await one.run("LISTEN news")
        await one.commit()
        await other.run("NOTIFY news, 'hello'")
        await other.commit()
        if desk.drives == "asyncpg":
            await asyncio.sleep(0.1)
        elif desk.drives == "psycopg2":
            await one.run("SELECT 1")
            driver.poll()
            heard += [told.payload for told in driver.notifies]
        elif hasattr(driver.notifies(timeout=0), "__anext__"):
            heard += [told.payload async for told in driver.notifies(timeout=0.1)]
        else:
            heard += [told.payload for told in driver.notifies(timeout=0.1)]
        return heard


PROBES = tuple(found for found in list(globals().values()) if isinstance(found, Probe))

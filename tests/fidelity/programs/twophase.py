"""Transactions that are committed in two phases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from fidelity.program import program
from fidelity.seeing import error_in

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from fidelity.program import Seen

PREPARED = text("SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()")
JOBS = text("SELECT count(*) FROM job")
INSERT = text("INSERT INTO job VALUES (4)")


@program("a prepared transaction is seen by nobody until it is committed")
def committed(engine: Engine) -> Seen:
    with engine.connect() as a, engine.connect() as b:
        transaction = a.begin_twophase()
        a.execute(INSERT)
        transaction.prepare()
        waiting = b.scalar(PREPARED), b.scalar(JOBS)
        transaction.commit()
        return {"waiting": waiting, "after": (b.scalar(PREPARED), b.scalar(JOBS))}


@program("a prepared transaction can be rolled back")
def rolled_back(engine: Engine) -> Seen:
    with engine.connect() as a, engine.connect() as b:
        transaction = a.begin_twophase()
        a.execute(INSERT)
        transaction.prepare()
        transaction.rollback()
        return {"after": (b.scalar(PREPARED), b.scalar(JOBS))}


@program("a prepared transaction outlives its connection, and another one commits it")
def committed_by_another(engine: Engine) -> Seen:
    with engine.connect() as a:
        a.execute(INSERT)
        # A name is known to the whole server.
        name = a.scalar(text("SELECT 'fidelity_' || current_database()"))
        a.execute(text(f"PREPARE TRANSACTION '{name}'"))
        a.rollback()
        a.invalidate()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as b:
        before = b.scalar(JOBS)
        b.execute(text(f"COMMIT PREPARED '{name}'"))
        return {"before": before, "after": b.scalar(JOBS)}


@program("a name of a prepared transaction that is unknown is refused")
def unknown_name(engine: Engine) -> Seen:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as a:
        return {"refused": error_in(lambda: a.execute(text("COMMIT PREPARED 'nobody'")))}

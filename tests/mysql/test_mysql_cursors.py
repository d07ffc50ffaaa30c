"""Cursors that would leave their rows on the server, on a connection that is shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymysql.cursors import SSCursor
from sqlalchemy import Connection, CursorResult, Engine, text

if TYPE_CHECKING:
    from tools.mysql_laboratory import MySQLLaboratory

ROWS = text("SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3")


def is_the_servers(result: CursorResult[Any]) -> bool:
    """Ask a cursor of what kind it is, as applications do."""
    cursor: Any = result.cursor
    return bool(getattr(cursor, "server_side", False)) or isinstance(cursor, SSCursor)


def stream(connection: Connection) -> CursorResult[Any]:
    options = {"stream_results": True, "max_row_buffer": 1}
    return connection.execute(ROWS, execution_options=options)


def read_side_by_side(engine: Engine) -> None:
    with engine.connect() as first, engine.connect() as second:
        streamed = stream(first)
        assert is_the_servers(streamed)
        assert streamed.fetchone() == (1,)
        # On the server's side the connection would be busy.
        read = second.execute(ROWS)
        assert not is_the_servers(read)
        assert read.scalars().all() == [1, 2, 3]
        assert streamed.scalars().all() == [2, 3]


def test_a_cursor_of_the_server_passes_for_one_and_stands_in_nobodys_way(
    mysql_lab: MySQLLaboratory,
) -> None:
    mysql_lab.check(read_side_by_side)


def test_pymysqls_own_cursor_is_read_row_by_row(mysql_lab: MySQLLaboratory) -> None:
    def body(engine: Engine) -> list[Any]:
        with engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            cursor = raw.cursor(SSCursor)
            assert isinstance(cursor, SSCursor)
            cursor.execute("SELECT 1 UNION ALL SELECT 2")
            return [number for (number,) in cursor.fetchall_unbuffered()]

    if mysql_lab.driver == "pymysql":
        assert mysql_lab.check(body) == [1, 2]
    else:
        # The asynchronous drivers' adapters are asked for one by a word.
        def by_a_word(engine: Engine) -> bool:
            with engine.connect() as connection:
                raw: Any = connection.connection.dbapi_connection
                return bool(raw.cursor(server_side=True).server_side)

        assert mysql_lab.check(by_a_word)

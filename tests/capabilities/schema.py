"""The tables that the probes work on, for each kind of database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlalchemy import Connection

_NUMBERED: Final = {
    "postgresql": "id serial PRIMARY KEY",
    "sqlite": "id integer PRIMARY KEY AUTOINCREMENT",
    "mysql": "id int AUTO_INCREMENT PRIMARY KEY",
}
TABLES: Final = ("child", "parent", "item", "note")
"""All of them, in an order in which they can be emptied."""


def create(connection: Connection) -> None:
    """Make them."""
    name = connection.dialect.name
    deferred = "" if name == "mysql" else "DEFERRABLE INITIALLY DEFERRED"
    for statement in (
        "CREATE TABLE item (id int PRIMARY KEY, name varchar(20))",
        "INSERT INTO item VALUES (1, 'one'), (2, 'two')",
        "CREATE TABLE parent (id int PRIMARY KEY)",
        f"""CREATE TABLE child (id int PRIMARY KEY, parent_id int,
            CONSTRAINT its_parent FOREIGN KEY (parent_id) REFERENCES parent (id) {deferred})""",
        f"CREATE TABLE note ({_NUMBERED[name]}, words varchar(20))",
    ):
        connection.exec_driver_sql(statement)

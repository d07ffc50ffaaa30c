"""The comparison of whole databases sees what is different, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tools.difference import difference, picture
from tools.restorations import clone_of, template_of
from tools.servers import conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.address import ServerAddress

pytestmark = pytest.mark.server

SCHEMA = """
CREATE TABLE item (id serial PRIMARY KEY, name text);
CREATE TABLE plain (n int);
INSERT INTO item (name) VALUES ('a'), ('b');
"""


@pytest.fixture(scope="module")
def original(tcp_server: ServerAddress) -> Iterator[ServerAddress]:
    with template_of(tcp_server, SCHEMA) as template:
        yield template


@pytest.fixture
def copy(original: ServerAddress) -> Iterator[ServerAddress]:
    with clone_of(original, "compared_copy") as clone:
        yield clone


@pytest.mark.parametrize(
    ("statement", "lines"),
    [
        ("SELECT 1", []),
        ("ANALYZE", []),
        ("UPDATE item SET name = name", []),
        ("UPDATE item SET name = 'x' WHERE id = 2", ["-(2,b)", "+(2,x)"]),
        ("INSERT INTO plain VALUES (1), (1)", ["+(1)", "+(1)"]),
        ("DELETE FROM item WHERE id = 1", ["-(1,a)"]),
        ("SELECT setval('item_id_seq', 2, false)", ["-(2, True)", "+(2, False)"]),
        ("ALTER TABLE plain ALTER n SET NOT NULL", ["-    n integer", "+    n integer NOT NULL"]),
        ("COMMENT ON TABLE plain IS 'x'", ["+COMMENT ON TABLE public.plain IS 'x';"]),
        ("GRANT SELECT ON plain TO PUBLIC", ["+GRANT SELECT ON TABLE public.plain TO PUBLIC;"]),
        ("SELECT lo_create(77)", ["+(77, 'postgres', None, 'd41d8cd98f00b204e9800998ecf8427e')"]),
    ],
)
def test_what_differs_is_told(
    original: ServerAddress, copy: ServerAddress, statement: str, lines: list[str]
) -> None:
    with psycopg.connect(conninfo(copy), autocommit=True) as connection:
        connection.execute(statement.encode())
    found = difference(original, original.database, copy.database)
    assert [line.partition(": ")[2] for line in found] == lines


def test_the_rows_alone(original: ServerAddress, copy: ServerAddress) -> None:
    with psycopg.connect(conninfo(copy), autocommit=True) as connection:
        connection.execute("ALTER TABLE plain ADD extra int")
        before = picture(original, original.database, schema=False)
        assert picture(copy, copy.database, schema=False).differs_from(before) == []
        connection.execute("INSERT INTO plain VALUES (1)")
    assert picture(copy, copy.database, schema=False).differs_from(before) == [
        "r public.plain: +(1,)"
    ]

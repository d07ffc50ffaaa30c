"""One server for several users: what a template defines is its builder's, so each has one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tools.projects import Project

if TYPE_CHECKING:
    from pathlib import Path

    from tools.mariadb import MariaDB

SHOP = """
from sqlalchemy import create_engine, text

engine = create_engine("mysql+pymysql://me:wrong@database.invalid/shop")


def schema(connection):
    connection.execute(text("CREATE VIEW who AS SELECT 1 AS number"))
"""
TESTS = """
from shop import engine
from sqlalchemy import text


def test_the_view_is_ours():
    with engine.connect() as connection:
        definer = connection.scalar(text(
            "SELECT definer FROM information_schema.views WHERE table_schema = database()"
        ))
        assert definer == connection.scalar(text("SELECT current_user()"))
        assert connection.scalar(text("SELECT number FROM who")) == 1
"""
SETTINGS = """
[tool.pytest.ini_options]
pythonpath = "."
oneloop_schema = "shop:schema"
"""


def test_each_user_has_a_template_of_its_own(tmp_path: Path, mariadb: MariaDB) -> None:
    project = Project(tmp_path)
    project.write({"shop.py": SHOP, "test_shop.py": TESTS, "pyproject.toml": SETTINGS})
    before = mariadb.databases()
    mariadb.run(
        "CREATE USER dev IDENTIFIED BY 'word'",
        "GRANT ALL ON `oneloop\\_%`.* TO dev",
        "GRANT PROCESS ON *.* TO dev",
    )
    try:
        for user in (mariadb, replace(mariadb, user="dev", password="word")) * 2:
            done = project.run(ONELOOP_SERVER=user.url("mysql"))
            assert done.counts == {"passed": 1}, done.output
        templates = mariadb.databases() - before
        assert len(templates) == 2
        mariadb.run(*(f"DROP DATABASE `{name}`" for name in templates))
    finally:
        mariadb.run("DROP USER dev")

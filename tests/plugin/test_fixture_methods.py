"""Fixtures that are methods: they are bound to each test's instance, as without the plugin."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from tools.projects import Project

if TYPE_CHECKING:
    from pathlib import Path

BODIES = {
    "function": ("def", "return"),
    "generator": ("def", "yield"),
    "coroutine": ("async def", "return"),
    "async_generator": ("async def", "yield"),
}
HOLDERS = ("own", "base", "mixin", "classmethod", "staticmethod")
SCOPES = ("function", "class", "module", "session")
TABLE = list(product(BODIES, HOLDERS, SCOPES))

RUNNERS = {
    "asyncio": ("-o", "asyncio_mode=auto"),
    "anyio": ("-p", "no:asyncio", "-o", "anyio_mode=auto"),
    "anyio-beside": ("-o", "asyncio_mode=strict", "-o", "anyio_mode=auto"),
}

CONFTEST = """
from MODULE import fixture


class Plugin:
    value = 3

    @fixture
    async def of_a_plugin(self):
        return self.value


def pytest_configure(config):
    config.pluginmanager.register(Plugin())


@fixture(scope="session")
def anyio_backend():
    return "asyncio"
"""
OTHERS = """
import unittest

import pytest
from MODULE import fixture


class TestInherited:
    @fixture(params=[1, 2])
    async def number(self, request):
        self.number = request.param
        return self.number

    @MARK
    async def test_it(self, number, of_a_plugin):
        assert self.number == number
        assert of_a_plugin == 3

    class TestWithin:
        @fixture
        async def number(self, number):
            return -number

        @MARK
        async def test_it(self, number):
            assert number in (-1, -2)
"""
CASES = """

class TestCase(unittest.TestCase):
    @fixture(autouse=True)
    async def coroutine(self):
        self.first = 1

    @fixture(autouse=True)
    async def generator(self):
        self.second = 2
        yield

    def test_it(self):
        assert (self.first, self.second) == (1, 2)


class TestIsolatedCase(unittest.IsolatedAsyncioTestCase):
    @fixture(autouse=True)
    async def coroutine(self):
        self.first = 1

    async def test_it(self):
        assert self.first == 1
"""


def one(body: str, holder: str, scope: str, mark: str) -> str:
    """Return a class with such a fixture, and a test that asks for it."""
    begin, end = BODIES[body]
    name = f"Test_{body}_{holder}_{scope}"
    decorator = f"    @{holder}\n" if holder.endswith("method") else ""
    first = {"classmethod": "cls, ", "staticmethod": ""}.get(holder, "self, ")
    told = {"classmethod": "cls.__name__", "staticmethod": repr(name)}
    kept = first == "self, " and scope == "function"
    fixture = (
        f"    @fixture(scope='{scope}')\n{decorator}"
        f"    {begin} value({first}request):\n"
        + ("        self.kept = self\n" if kept else "")
        + f"        {end} {told.get(holder, 'type(self).__name__')}\n"
    )
    test = (
        f"    @{mark}\n    async def test_it(self, value):\n        assert value == '{name}'\n"
        + ("        assert self.kept is self\n" if kept else "")
    )
    if holder in ("base", "mixin"):
        bases = f"Of{name}" + (", Plain" if holder == "mixin" else "")
        return f"class Of{name}:\n{fixture}\n\nclass {name}({bases}):\n{test}\n"
    return f"class {name}:\n{fixture}\n{test}\n"


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_fixture_that_is_a_method_is_bound_as_without_the_plugin(
    runner: str, tmp_path: Path
) -> None:
    module = "pytest" if runner.startswith("anyio") else "pytest_asyncio"
    mark = f"pytest.mark.{runner.partition('-')[0]}"
    head = f"import pytest\nfrom {module} import fixture\n\n\nclass Plain: ...\n\n"
    others = OTHERS if module == "pytest" else OTHERS + CASES
    project = Project(tmp_path)
    project.write(
        {
            "pytest.ini": "",
            "conftest.py": CONFTEST.replace("MODULE", module),
            "test_table.py": head + "\n".join(one(*row, mark) for row in TABLE),
            "test_others.py": others.replace("MODULE", module).replace("MARK", mark),
        }
    )
    passed = {"passed": len(TABLE) + (4 if others is OTHERS else 6)}

    # Who defines a fixture of a wider scope as a method is warned by pytest, with and without.
    for options in (("-p", "no:oneloop"), (), ("-o", "oneloop_explain=false")):
        done = project.run("-q", *RUNNERS[runner], *options)
        assert done.counts == passed, done.output

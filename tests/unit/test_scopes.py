"""Loop scopes: the defaults that pytest-asyncio gets, and who runs which test on which loop."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from pytest_oneloop.loops import scopes as scopes_module

RELEASE = tuple(map(int, version("pytest-asyncio").split(".")[:2]))
NEEDS_1_5 = pytest.mark.skipif(RELEASE < (1, 5), reason="the word fixture-scope came with 1.5")
# What releases before 1.5 say of fixtures whose scope is left to themselves.
UNSET = pytest.mark.filterwarnings(
    "ignore:The configuration option:pytest.PytestDeprecationWarning"
)
NEEDS_1_4 = pytest.mark.skipif(RELEASE < (1, 4), reason="loop factories came with 1.4")

PLUGIN = """
import pytest
from pytest_oneloop.loops.scopes import (
    default_loop_scopes, follow_fixtures, loop_scope_of, runner_of
)

KEY = pytest.StashKey()

@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config, parser, args):
    early_config.stash[KEY] = default_loop_scopes(parser, early_config.getini)

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    follow_fixtures(config.stash[KEY], items, pytest.mark.asyncio)

def pytest_report_header(config):
    return f"scopes: {config.stash[KEY]}"

def pytest_collection_finish(session):
    for item in session.items:
        print(f"item: {item.nodeid.split('::', 1)[1]} {runner_of(item)} {loop_scope_of(item)}")
"""

LOOPS = """
import asyncio
import pytest
import pytest_asyncio

SEEN = []

@pytest_asyncio.fixture(scope="session")
async def engine():
    return asyncio.get_running_loop()

@pytest_asyncio.fixture
async def session():
    return asyncio.get_running_loop()

@pytest.mark.asyncio
@pytest.mark.parametrize("number", [1, 2])
async def test_loops(number, engine, session):
    here = asyncio.get_running_loop()
    SEEN.append(here)
    print(f"\\nloops: {engine is here} {session is here} {SEEN[0] is here}")
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    # Each inner run imports its plugins anew: with only those that matter it takes a tenth.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(scoped=PLUGIN)
    pytester.syspathinsert()
    return pytester


def run(inner: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return inner.runpytest_inprocess(
        "-p", "pytest_asyncio.plugin", "-p", "scoped", "-s", *arguments
    )


def lines(result: pytest.RunResult, prefix: str) -> list[str]:
    return [line.removeprefix(prefix) for line in result.outlines if line.startswith(prefix)]


BOTH_SESSION = (
    "LoopScopes(test='session', fixture='session', set_by='oneloop', follows=False)",
    ["True True True", "True True True"],
)
TESTS_SET_FUNCTION = (
    (
        "LoopScopes(test='function', fixture='fixture-scope', "
        "set_by='asyncio_default_test_loop_scope', follows=False)"
    ),
    ["False True True", "False True False"],
)
FIXTURES_SET_FIXTURE_SCOPE = (
    (
        "LoopScopes(test='function', fixture='fixture-scope', "
        "set_by='asyncio_default_fixture_loop_scope', follows=True)"
    ),
    ["False True True", "False True False"],
)
BOTH_SET = (
    (
        "LoopScopes(test='function', fixture='session', "
        "set_by='asyncio_default_test_loop_scope', follows=False)"
    ),
    ["False False True", "False False False"],
)


@pytest.mark.parametrize("place", ["ini", "-o"])
@pytest.mark.parametrize(
    ("tests", "fixtures", "expected"),
    [
        pytest.param(None, None, BOTH_SESSION, id="neither"),
        pytest.param("function", None, TESTS_SET_FUNCTION, id="tests", marks=NEEDS_1_5),
        pytest.param(
            None, "fixture-scope", FIXTURES_SET_FIXTURE_SCOPE, id="fixtures", marks=NEEDS_1_5
        ),
        pytest.param("function", "session", BOTH_SET, id="both"),
    ],
)
def test_what_the_project_set_wins_and_the_rest_follows(
    inner: pytest.Pytester,
    tests: str | None,
    fixtures: str | None,
    place: str,
    expected: tuple[str, list[str]],
) -> None:
    settings = [
        f"{name}={scope}"
        for name, scope in (
            ("asyncio_default_test_loop_scope", tests),
            ("asyncio_default_fixture_loop_scope", fixtures),
        )
        if scope
    ]
    ini = ["filterwarnings=error", *(settings if place == "ini" else ())]
    inner.makeini("\n".join(["[pytest]", *ini]))
    inner.makepyfile(LOOPS)

    result = run(inner, *[part for name in settings if place == "-o" for part in ("-o", name)])

    result.assert_outcomes(passed=2)
    scopes, loops = expected
    assert lines(result, "scopes: ") == [scopes]
    assert lines(result, "loops: ") == loops


@pytest.mark.parametrize("scope", ["class", "module", "package", "session"])
def test_fixtures_follow_the_tests(inner: pytest.Pytester, scope: str) -> None:
    inner.makeini(f"[pytest]\nfilterwarnings=error\nasyncio_default_test_loop_scope={scope}")
    inner.makepyfile(LOOPS.replace(", engine", "").replace("engine is here", "True"))

    result = run(inner)

    result.assert_outcomes(passed=2)
    assert lines(result, "scopes: ") == [
        (
            f"LoopScopes(test='{scope}', fixture='{scope}', "
            "set_by='asyncio_default_test_loop_scope', follows=False)"
        )
    ]
    assert [line.split()[1] for line in lines(result, "loops: ")] == ["True", "True"]


@pytest.mark.parametrize("scope", ["function", "class", "module", "package"])
def test_tests_follow_the_fixtures(inner: pytest.Pytester, scope: str) -> None:
    inner.makeini(f"[pytest]\nfilterwarnings=error\nasyncio_default_fixture_loop_scope={scope}")
    inner.makepyfile(LOOPS.replace(", engine", "").replace("engine is here", "True"))

    result = run(inner)

    result.assert_outcomes(passed=2)
    assert lines(result, "item: ") == [
        f"test_loops[1] asyncio {scope}",
        f"test_loops[2] asyncio {scope}",
    ]
    assert [line.split()[1] for line in lines(result, "loops: ")] == ["True", "True"]


@UNSET
def test_a_scope_that_does_not_exist_is_blamed_on_the_setting_that_names_it(
    inner: pytest.Pytester,
) -> None:
    inner.makeini("[pytest]\nasyncio_default_test_loop_scope=galaxy")

    result = run(inner)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: 'galaxy' is not a valid asyncio_default_test_loop_scope.*"]
    )


@UNSET
def test_without_our_defaults_the_same_fixtures_have_other_loops(inner: pytest.Pytester) -> None:
    inner.makepyfile(LOOPS)

    result = inner.runpytest_inprocess(
        "-p", "pytest_asyncio.plugin", "-s", "-W", "ignore::pytest.PytestDeprecationWarning"
    )

    result.assert_outcomes(passed=2)
    assert lines(result, "loops: ") == ["False True True", "False True False"]


def test_nothing_happens_without_pytest_asyncio(inner: pytest.Pytester) -> None:
    inner.makepyfile("def test_sync(): pass")

    result = inner.runpytest_inprocess("-p", "scoped", "-s")

    result.assert_outcomes(passed=1)
    assert lines(result, "scopes: ") == ["None"]
    assert lines(result, "item: ") == ["test_sync sync None"]


@pytest.mark.parametrize(
    ("release", "scopes", "declared"),
    [
        ("0.25.3", "None", "None"),
        ("0.26.0", TESTS_SET_FUNCTION[0], "None"),
        ("1.4.1.post1", TESTS_SET_FUNCTION[0], "None"),
        ("1.5.0", TESTS_SET_FUNCTION[0], "fixture-scope"),
        ("2.0b1", TESTS_SET_FUNCTION[0], "fixture-scope"),
    ],
)
@NEEDS_1_5
def test_an_older_pytest_asyncio_is_told_only_what_it_knows(
    inner: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    release: str,
    scopes: str,
    declared: str,
) -> None:
    monkeypatch.setattr(scopes_module, "version", lambda _: release)
    inner.makeini("[pytest]\nasyncio_default_test_loop_scope=function")
    inner.makepyfile(LOOPS)

    result = run(inner, "-W", "ignore::pytest.PytestDeprecationWarning")

    result.assert_outcomes(passed=2)
    assert lines(result, "scopes: ") == [scopes]
    result.stdout.fnmatch_lines([f"asyncio: *asyncio_default_fixture_loop_scope={declared},*"])


def test_who_runs_a_test_and_where(inner: pytest.Pytester) -> None:
    inner.makeini("[pytest]\nasyncio_default_test_loop_scope=module")
    inner.makepyfile(
        """
        import unittest
        import hypothesis
        import pytest
        from hypothesis import strategies as st

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.asyncio
        async def test_default(): pass

        @pytest.mark.asyncio(loop_scope="class")
        async def test_marked(): pass

        @pytest.mark.asyncio(scope="session")
        async def test_marked_the_old_way(): pass

        @pytest.mark.asyncio
        @hypothesis.given(st.none())
        async def test_hypothesis(none): pass

        @pytest.mark.asyncio(loop_scope="package")
        class TestMarked:
            async def test_inherits(self): pass

            @pytest.mark.asyncio(loop_scope="function")
            async def test_overrides(self): pass

        @pytest.mark.anyio
        async def test_anyio(): pass

        @pytest.mark.anyio
        @hypothesis.given(st.none())
        async def test_anyio_hypothesis(none): pass

        @pytest.mark.asyncio
        @pytest.mark.anyio
        async def test_both(): pass

        def test_sync(anyio_backend): pass

        class TestPlain:
            def test_sync(self): pass

        class IsolatedCase(unittest.IsolatedAsyncioTestCase):
            async def test_isolated(self): pass

        class PlainCase(unittest.TestCase):
            def test_plain(self): pass
        """
    )

    result = run(
        inner, "-p", "anyio.pytest_plugin", "-W", "ignore::pytest.PytestDeprecationWarning"
    )

    result.assert_outcomes(passed=13)
    assert lines(result, "item: ") == [
        "test_default asyncio module",
        "test_marked asyncio class",
        "test_marked_the_old_way asyncio session",
        "test_hypothesis asyncio module",
        "TestMarked::test_inherits asyncio package",
        "TestMarked::test_overrides asyncio function",
        "test_anyio anyio None",
        "test_anyio_hypothesis anyio None",
        "test_both asyncio module",
        "test_sync sync None",
        "TestPlain::test_sync sync None",
        "IsolatedCase::test_isolated unittest None",
        "PlainCase::test_plain sync None",
    ]


def test_auto_mode_takes_every_async_test(inner: pytest.Pytester) -> None:
    inner.makeini("[pytest]\nasyncio_mode=auto\nfilterwarnings=error")
    inner.makepyfile("async def test_plain(): pass\ndef test_sync(): pass")

    result = run(inner)

    result.assert_outcomes(passed=2)
    assert lines(result, "item: ") == ["test_plain asyncio session", "test_sync sync None"]


@NEEDS_1_4
def test_a_marker_that_names_a_loop_scope_is_left_alone_when_tests_follow(
    inner: pytest.Pytester,
) -> None:
    inner.makeini("[pytest]\nasyncio_mode=auto\nasyncio_default_fixture_loop_scope=function")
    inner.makepyfile(
        conftest="""
        import asyncio
        def pytest_asyncio_loop_factories(config, item):
            return {"one": asyncio.new_event_loop, "two": asyncio.new_event_loop}
        """
    )
    inner.makepyfile(
        """
        import pytest

        @pytest.mark.asyncio(loop_scope="session", loop_factories=["one"])
        async def test_named(): pass

        @pytest.mark.asyncio(loop_factories=["two"])
        async def test_unnamed(): pass
        """
    )

    result = run(inner)

    result.assert_outcomes(passed=2)
    assert [line.split()[1:] for line in lines(result, "item: ")] == [
        ["asyncio", "session"],
        ["asyncio", "function"],
    ]

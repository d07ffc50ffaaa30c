"""Loop scopes: the defaults that pytest-asyncio gets."""

from __future__ import annotations

import pytest

from pytest_oneloop.loops import scopes as scopes_module
from tools.scoped_runs import RELEASE, lines, run

NEEDS_1_5 = pytest.mark.skipif(RELEASE < (1, 5), reason="the word fixture-scope came with 1.5")
# What releases before 1.5 say of fixtures whose scope is left to themselves.
UNSET = pytest.mark.filterwarnings(
    "ignore:The configuration option:pytest.PytestDeprecationWarning"
)

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

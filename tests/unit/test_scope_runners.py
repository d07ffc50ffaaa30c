"""Loop scopes: who runs which test, and on which loop."""

from __future__ import annotations

import pytest

from tools.scoped_runs import RELEASE, lines, run

NEEDS_1_4 = pytest.mark.skipif(RELEASE < (1, 4), reason="loop factories came with 1.4")


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

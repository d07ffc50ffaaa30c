"""What an engine's listeners have set is met by no other test, once the engine is gone."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event, text

if TYPE_CHECKING:
    from tools.laboratory import Laboratory

pytestmark = pytest.mark.needs("search_path")


def prepared(engine: Engine, sql: str) -> Engine:
    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(sql)
        cursor.close()

    return engine


def of_a_test(lab: Laboratory) -> None:
    """An engine that one test makes, and disposes of."""
    engine = prepared(lab.engine(), "SET search_path TO other")
    try:
        assert path(engine) == "other"
    finally:
        engine.dispose()


def path(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.scalar(text("SHOW search_path")))


def test_a_setting_of_an_engine_that_is_gone_is_gone_in_the_next_test(lab: Laboratory) -> None:
    with lab.test():
        lab.run(of_a_test, lab)
    with lab.test() as sandbox:
        assert lab.run(path, lab.engine()) != "other"
    assert sandbox.problems == []


def test_so_it_is_without_the_sandbox(bare_lab: Laboratory) -> None:
    bare_lab.run(of_a_test, bare_lab)

    def body() -> None:
        engine = bare_lab.engine()
        assert path(engine) != "other"
        engine.dispose()

    bare_lab.run(body)


def test_a_setting_of_an_engine_that_nobody_has_disposed_of_is_gone_too(lab: Laboratory) -> None:
    def body() -> None:
        assert path(prepared(lab.engine(), "SET search_path TO other")) == "other"

    with lab.test():
        lab.run(body)
    gc.collect()
    with lab.test():
        assert lab.run(path, lab.engine()) != "other"


def test_another_engine_is_prepared_again(lab: Laboratory) -> None:
    lasting = prepared(lab.engine(), "SET application_name TO 'lasting'")

    def name() -> None:
        with lasting.connect() as connection:
            assert connection.scalar(text("SHOW application_name")) == "lasting"

    for _ in range(3):
        with lab.test(hosted=True) as sandbox:
            lab.run(name)
            lab.run(of_a_test, lab)
            lab.run(name)
        assert sandbox.problems == []


def test_an_engine_that_always_streams_can_connect(lab: Laboratory) -> None:
    def body(engine: Engine) -> None:
        with engine.begin() as connection:
            rows = connection.execute(text("SELECT generate_series(1, 5)"))
            assert rows.scalars().all() == [1, 2, 3, 4, 5]

    streams: dict[str, Any] = {"execution_options": {"stream_results": True}}
    lab.check(body, **streams)
    lab.check(body, **streams)

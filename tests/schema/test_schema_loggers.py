"""Logging is the application's own, whatever a migration does to it."""

from __future__ import annotations

import logging
import logging.config
import threading
from typing import Any

import pytest

from pytest_oneloop.schema.loggers import untouched_logging

CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": True,
    "root": {"level": "DEBUG"},
}


def state(logger: logging.Logger) -> tuple[object, ...]:
    return (
        logger.level,
        logger.disabled,
        logger.propagate,
        list(logger.handlers),
        list(logger.filters),
    )


def test_the_names_of_loggers_are_known() -> None:
    # Guards the one use of something that is not documented: logging.Logger.manager.loggerDict.
    logger = logging.getLogger("oneloop.test.names")
    assert logging.Logger.manager.loggerDict["oneloop.test.names"] is logger


def test_everything_is_put_back() -> None:
    logger, root = logging.getLogger("oneloop.test.back"), logging.getLogger()
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    before = (state(logger), state(root), handler.level)
    assert logger.isEnabledFor(logging.INFO)
    with untouched_logging():
        logger.removeHandler(handler)
        handler.setLevel(logging.ERROR)
        logger.setLevel(logging.ERROR)
        logger.disabled, logger.propagate = True, False
        logger.addFilter(lambda _: False)
        root.addHandler(logging.StreamHandler())
        root.setLevel(logging.DEBUG)
        logging.disable(logging.CRITICAL)
        logging.raiseExceptions = False
        assert not logger.isEnabledFor(logging.INFO)
    assert (state(logger), state(root), handler.level) == before
    assert logger.isEnabledFor(logging.INFO)
    assert logging.raiseExceptions
    logger.removeHandler(handler)


def test_a_configuration_does_nothing_inside() -> None:
    before = logging.config.dictConfig, logging.config.fileConfig
    logger = logging.getLogger("oneloop.test.configuration")
    with untouched_logging():
        logging.config.dictConfig(CONFIG)
        assert not logger.disabled
    assert (logging.config.dictConfig, logging.config.fileConfig) == before


def test_another_thread_may_configure(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(logging.config, "dictConfig", seen.append)
    with untouched_logging():
        thread = threading.Thread(target=lambda: logging.config.dictConfig(CONFIG))
        thread.start()
        thread.join(10)
        logging.config.dictConfig({})
    assert seen == [CONFIG]


def test_logging_is_put_back_after_an_error() -> None:
    root = logging.getLogger()
    before = state(root)

    def migrate() -> None:
        with untouched_logging():
            root.setLevel(logging.DEBUG)
            raise LookupError

    with pytest.raises(LookupError):
        migrate()
    assert state(root) == before

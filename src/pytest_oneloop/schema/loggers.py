"""The application's logging, kept as it is while migrations run."""

from __future__ import annotations

import contextlib
import logging
import logging.config
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def untouched_logging() -> Iterator[None]:
    """Undo, at the end, whatever is done to logging in between.

    An `env.py` usually calls `logging.config.fileConfig`. That would disable the application's
    loggers, close the handlers that exist (a file opened for writing never writes again), and print
    the migration's own messages; so in this thread that function and `dictConfig` do nothing while
    the context lasts. Everything else, on every logger that existed before, is put back.
    """
    loggers = _every_logger()
    before = [_LoggerState(logger) for logger in loggers]
    raising = logging.raiseExceptions
    level = logging.root.manager.disable
    with _configuration_ignored():
        try:
            yield
        finally:
            logging.raiseExceptions = raising
            logging.disable(level)
            for state in before:
                state.restore()


class _LoggerState:
    """What one logger was like."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._level = logger.level
        self._disabled = logger.disabled
        self._propagate = logger.propagate
        self._handlers = list(logger.handlers)
        self._filters = list(logger.filters)
        self._handler_levels = [handler.level for handler in logger.handlers]

    def restore(self) -> None:
        logger = self._logger
        for handler in list(logger.handlers):
            if handler not in self._handlers:
                logger.removeHandler(handler)
                handler.close()
        logger.handlers[:] = self._handlers
        logger.filters[:] = self._filters
        for handler, level in zip(self._handlers, self._handler_levels, strict=True):
            if handler.level != level:
                handler.setLevel(level)
        if logger.level != self._level:
            # Only this method empties the caches of what is enabled.
            logger.setLevel(self._level)
        logger.disabled = self._disabled
        logger.propagate = self._propagate


def _every_logger() -> list[logging.Logger]:
    """Return the root logger and every named one.

    `Logger.manager.loggerDict` is not documented. There is no other way to know the names;
    `logging.config` itself, and every tool that undoes it, reads it. Guarded by a test.
    """
    named = logging.Logger.manager.loggerDict.values()
    return [logging.root, *(one for one in list(named) if isinstance(one, logging.Logger))]


@contextlib.contextmanager
def _configuration_ignored() -> Iterator[None]:
    """Let `fileConfig` and `dictConfig` do nothing in this thread.

    They are replaced for the time of a migration: what they do cannot be undone, since they close
    handlers that other code holds. An `env.py` is loaded anew for each run, so it meets these.
    """
    thread = threading.get_ident()
    replaced: list[tuple[str, Callable[..., Any], Callable[..., Any]]] = []

    def ignoring(real: Callable[..., Any]) -> Callable[..., Any]:
        def configure(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() == thread:
                return None
            return real(*args, **kwargs)

        return configure

    for name in ("fileConfig", "dictConfig"):
        real = getattr(logging.config, name)
        replaced.append((name, real, ignoring(real)))
        setattr(logging.config, name, replaced[-1][2])
    try:
        yield
    finally:
        for name, real, ours in replaced:
            if getattr(logging.config, name) is ours:
                setattr(logging.config, name, real)

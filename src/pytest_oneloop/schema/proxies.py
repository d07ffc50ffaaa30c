"""`alembic.context` and `alembic.op`, kept as they are while another migration runs."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def untouched_proxies() -> Iterator[None]:
    """Put `alembic.context` and `alembic.op` back, at the end, as they were.

    A fixture that calls `alembic.command.upgrade` may be the first that needs a database: its
    `env.py` connects, and the schema is built then, within that upgrade. Alembic has one pair of
    these modules for the process. It fills them when a migration begins and clears them when one
    ends, so the outer one would go on with empty ones.

    What they hold is copied as a whole. Alembic documents no way to ask whether a migration runs,
    or which; guarded by a test.
    """
    modules = [
        sys.modules[name] for name in ("alembic.context", "alembic.op") if name in sys.modules
    ]
    before = [(vars(module), dict(vars(module))) for module in modules]
    try:
        yield
    finally:
        for now, then in before:
            now.update(then)

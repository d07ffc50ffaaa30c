"""Measurements of all eight set-ups, for tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace

from pytest_oneloop.demo.measurement import Measurement
from pytest_oneloop.demo.setups import SETUPS

OTHER_LOOP = (
    "Task <Task pending name='Task-4' coro=<test_sign_up() running at /tmp/test_setup.py:9>"
    " cb=[_run_until_complete_cb() at base_events.py:180]> got Future <Future pending"
    " cb=[BaseProtocol._on_waiter_completed()]> attached to a different loop"
)
BUSY = "cannot perform operation: another operation is in progress"

_CLEAN = Measurement(
    number=0,
    plugin=False,
    passed=3,
    failed=0,
    error=None,
    assertion=None,
    seconds=12.345,
    connections=1,
    ddl_statements=0,
    leaked_rows=0,
    other_connections=0,
    other_ddl_statements=0,
)
_WITHOUT: dict[int, dict[str, object]] = {
    1: {"passed": 0, "failed": 3, "error": OTHER_LOOP},
    2: {"passed": 1, "failed": 2, "error": OTHER_LOOP, "leaked_rows": 1},
    3: {"connections": 4, "leaked_rows": 2},
    4: {"passed": 2, "failed": 1, "assertion": "assert 2 == 0\n + where 2 = …", "leaked_rows": 2},
    5: {"ddl_statements": 5},
    8: {"passed": 2, "failed": 2, "error": BUSY},
}

MEASURED = [
    *(
        replace(_CLEAN, number=setup.number, **_WITHOUT.get(setup.number, {}))  # type: ignore[arg-type]
        for setup in SETUPS
    ),
    *(
        replace(
            _CLEAN,
            number=setup.number,
            plugin=True,
            ddl_statements=3 if setup.number == 5 else 0,
            other_connections=6,
            other_ddl_statements=2,
        )
        for setup in SETUPS
    ),
]
"""First without the plugin, then with it."""

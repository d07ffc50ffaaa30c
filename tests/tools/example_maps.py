"""Loop maps of suites of any size, and one that has everything in it."""

from __future__ import annotations

from pytest_oneloop.loops.loopmap import Crossing, Lane, LoopMap, Place, Resident, Step

_CONFTEST = "tests/conftest.py"
_USERS = "tests/api/test_users.py"


def suite(tests: int, *, loops: bool, measured: bool = False, per_module: int = 20) -> LoopMap:
    """Return the map of a suite with one engine for the session, and a session for each test.

    Args:
        tests: How many there are.
        loops: Each test has a loop of its own, to which the engine crosses.
        measured: With times.
        per_module: How many tests a module has.
    """
    lanes = [Lane("session", "session loop", "session")]
    engine = Place(_CONFTEST, 14)
    clock = (0.0, 0.2) if measured else (None, None)
    steps = [Step("fixture", "engine", "session", "session", engine, *clock)]
    crossings = []
    for number in range(tests):
        module = f"tests/test_part_{number // per_module:02}.py"
        test = f"{module}::test_customer_{number}_is_served"
        lane = f"test-{number}" if loops else "session"
        if loops:
            lanes.append(Lane(lane, f"loop of {test}", "function"))
            place = Place(_CONFTEST, 24)
            crossings.append(Crossing("engine", "session", "engine", lane, "db_session", place))
        begin = 0.2 + number / 64
        clock = (begin, 0.003) if measured else (None, None)
        session = Place(_CONFTEST, 22)
        steps.append(Step("fixture", "db_session", "function", lane, session, *clock))
        clock = (begin + 0.003, 0.0123) if measured else (None, None)
        place = Place(module, 10 + number % per_module * 5)
        steps.append(Step("test", test, "function", lane, place, *clock))
    pool = Resident("pool of engine", "session", "engine", Place(_CONFTEST, 15))
    return LoopMap("shop", measured, tuple(lanes), tuple(steps), (pool,), tuple(crossings))


def everything() -> LoopMap:
    """Return a map with loops of every scope, arrows in every direction, and hostile names."""
    first, second, third = (f"{_USERS}::test_{number}" for number in range(3))
    odd = f"{_USERS}::test_3[<script>alert('1')</script> & {'very ' * 20}long]"
    admin = f"{_USERS}::TestAdmin::test_it"
    last = "tests/test_last.py::test_on_session"
    lanes = (
        Lane("s", "session loop", "session"),
        Lane("p", "loop of tests/api", "package"),
        Lane("m", f"loop of {_USERS}", "module"),
        Lane("c", f"loop of {_USERS}::TestAdmin", "class"),
        *(Lane(f"f{n}", f"loop of {test}", "function") for n, test in enumerate((first, second))),
        Lane("f2", f"loop of {third}", "function"),
        Lane("f3", f"loop of {odd}", "function"),
        Lane("o", "loop of asyncio.run in migrations/env.py", "other"),
    )
    steps = (
        Step("fixture", "engine", "session", "s", Place(_CONFTEST, 9)),
        Step("fixture", "search", "package", "p", Place("tests/api/conftest.py", 4)),
        Step("fixture", "redis", "module", "m", Place(_CONFTEST, 19)),
        Step("test", first, "function", "f0", Place(_USERS, 3)),
        Step("test", second, "function", "f1", Place(_USERS, 5)),
        Step("fixture", "admin", "class", "c", None),
        Step("test", admin, "function", "c", Place(_USERS, 12)),
        Step("test", third, "function", "f2", Place(_USERS, 30)),
        Step("test", odd, "function", "f3", Place(_USERS, 40)),
        Step("test", last, "function", "s", Place("tests/test_last.py", 1)),
    )
    residents = (
        Resident("pool of engine", "s", "engine", Place(_CONFTEST, 9)),
        Resident("connection", "s", "engine"),
        *(Resident(f"client {number}", "s", "engine") for number in range(6)),
        Resident("pool of redis", "m", "redis"),
        Resident("Lock", "f0", first),
        Resident("pool of migrations", "o", "env.py"),
    )
    crossings = (
        Crossing("engine", "s", "engine", "f0", first, Place(_USERS, 4)),
        Crossing("redis", "m", "redis", "f1", second, Place(_USERS, 6)),
        Crossing("Lock", "f0", first, "f1", second, Place(_USERS, 6)),
        Crossing("Lock", "f0", first, "s", last, Place("tests/test_last.py", 2)),
        Crossing("pool of migrations", "o", "env.py", "s", "engine", Place("migrations/env.py", 7)),
        Crossing("engine", "s", "engine", "c", admin, Place(_USERS, 13)),
        Crossing("redis", "m", "redis", "f3", odd),
    )
    return LoopMap("shop & <sons>", False, lanes, steps, residents, crossings)  # noqa: FBT003


def failing() -> LoopMap:
    """Return the map of a run with failures, and with tests and a fixture that need no loop."""
    lanes = (Lane("s", "session loop", "session"), Lane("none", "no event loop", "none"))
    steps = (
        Step("test", "test_a.py::test_plain", "function", "none", Place("test_a.py", 3), 0.1, 0.2),
        Step("fixture", "engine", "session", "s", Place(_CONFTEST, 9), 0.3, 0.1),
        Step(
            "test", "test_a.py::test_it", "function", "s", Place("test_a.py", 6), 0.4, 0.1, "failed"
        ),
        Step("fixture", "seed", "function", "none", Place(_CONFTEST, 12), 0.5, 0.1, "failed"),
        Step(
            "test", "test_a.py::test_stopped", "function", "none", None, 0.6, 0.1, "set-up failed"
        ),
    )
    return LoopMap("shop", True, lanes, steps)  # noqa: FBT003


NOTHING = LoopMap("nothing", False, (), ())  # noqa: FBT003
"""A suite without anything that runs on a loop."""

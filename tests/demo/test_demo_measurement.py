"""What is told of a measurement: which error, in which words, in which columns."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pytest_oneloop.demo import wording
from pytest_oneloop.demo.measurement import Raised, shortened, telling
from pytest_oneloop.demo.observer import causes
from pytest_oneloop.demo.setups import FILES, SETUPS, chosen
from pytest_oneloop.demo.table import Display
from pytest_oneloop.demo.traffic import Traffic
from pytest_oneloop.demo.wire import Heard
from tools.example_measurements import BUSY, MEASURED, OTHER_LOOP

FIRST = Raised("server closed the connection", is_assertion=False)
ASSERTION = Raised("assert 2 == 0", is_assertion=True)


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ([], None),
        ([ASSERTION], None),
        ([ASSERTION, FIRST], FIRST.text),
        ([FIRST, Raised(BUSY, is_assertion=False)], BUSY),
        ([Raised(OTHER_LOOP, is_assertion=False), Raised(BUSY, is_assertion=False)], OTHER_LOOP),
    ],
)
def test_the_error_that_is_told_is_the_cause(raised: list[Raised], told: str | None) -> None:
    assert telling(raised) == told


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (OTHER_LOOP, "got Future <Future pending> attached to a different loop"),
        (BUSY, BUSY),
        ("assert 2 == 0\n + where 2 = len(...)", "assert 2 == 0"),
        ("a < b and <Lock object at 0x1 [locked]> is held", "a <"),
        ("", ""),
    ],
)
def test_words_are_short_enough_for_a_table(text: str, short: str) -> None:
    assert shortened(text).startswith(short)
    assert len(shortened(text)) < 80


def test_causes_come_before_what_they_caused() -> None:
    inner, middle, member = ValueError("inner"), ValueError("middle"), KeyError("member")
    middle.__cause__ = inner
    outer = ExceptionGroup("outer", [member])
    outer.__context__ = middle
    assert list(causes(outer)) == [inner, middle, member, outer]


def test_a_context_that_is_hidden_is_not_told() -> None:
    error = ValueError("shown")
    error.__context__ = KeyError("hidden")
    error.__suppress_context__ = True
    assert list(causes(error)) == [error]


def test_statements_that_define_something_are_counted() -> None:
    sent = ["CREATE TABLE a ()", "\n drop table a", "SELECT 'create'", "CREATEX", "SAVEPOINT a"]
    traffic = Traffic.of([Heard(1, "Q", executed=sql) for sql in sent])
    assert traffic.definitions == sent[:2]


def test_the_summary_counts_tests() -> None:
    assert wording.summary(MEASURED) == (
        "Without the plugin 8 of 25 tests failed, with it 0 of 24."
    )


def test_the_notes_say_what_is_not_in_the_rows() -> None:
    columns, preparation, tables, conftest = wording.notes(SETUPS, MEASURED)
    assert [word for word in ("time:", "conns:", "DDL:", "leaked:") if word not in columns] == []
    assert preparation == (
        "To make the databases of its 8 runs, the plugin opened 48 other connections and sent 16"
        " other DDL statements."
    )
    alone = wording.notes(SETUPS[6:7], [one for one in MEASURED if one.number == 7])
    assert alone[1].startswith("To make the database of its one run, the plugin opened ")
    assert tables == (
        "Set-up 5 keeps its own fixture, so its DDL is still sent: inside of each test's"
        " transaction, which is rolled back."
    )
    assert conftest == (
        "Set-up 8 ran without its conftest where the plugin was on: its fixtures put all sessions"
        " on one connection of SQLAlchemy's, above the driver, where the plugin cannot reach."
    )


def test_json_has_the_promised_keys() -> None:
    assert MEASURED[1].as_json() == {
        "number": 2,
        "plugin": False,
        "passed": 1,
        "failed": 2,
        "error": OTHER_LOOP,
        "seconds": 12.345,
        "connections": 1,
        "ddl_statements": 0,
        "leaked_rows": 1,
    }


def test_set_ups_are_chosen_by_number() -> None:
    assert [setup.number for setup in chosen([])] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [setup.number for setup in chosen([4, 1, 4])] == [1, 4]


def test_every_set_up_says_what_it_is() -> None:
    assert {setup.folder for setup in SETUPS} == {path.name for path in FILES.glob("setup_*")}
    for setup in SETUPS:
        assert setup.conftest.startswith(f'"""Set-up {setup.number}: ')


def test_the_table_fits_80_columns() -> None:
    out = io.StringIO()
    with Display(Console(file=out, width=80), SETUPS, "18.6") as display:
        for measured in MEASURED:
            display.begin(SETUPS[measured.number - 1], plugin=measured.plugin)
            display.add(measured)
        assert "tests failed" not in out.getvalue()
    shown = out.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    assert "\x1b" not in shown
    # Each table once: no live display where there is no terminal.
    assert shown.count("one loop, tables per test") == 2
    assert shown.index("#  set-up") < shown.index("With the plugin, the same files")
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert "3 an engine per test 3 0 12.3 s 4 0 2" in rows
    assert "5 one loop, tables per test 3 0 12.3 s 1 3 0" in rows
    assert "assert 2 == 0" in rows


def test_a_narrow_terminal_gets_lines() -> None:
    out = io.StringIO()
    with Display(Console(file=out, width=40), SETUPS, "18.6") as display:
        for measured in MEASURED:
            display.add(measured)
    shown = out.getvalue()
    assert max(map(len, shown.splitlines())) <= 40
    assert (
        "3 an engine per test\n  passed 3, failed 0, time 12.3 s\n  conns 4, DDL 0, leaked 2\n"
    ) in shown
    assert "attached to a different loop" in " ".join(shown.split())

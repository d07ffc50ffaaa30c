"""The loop map in a terminal: its whole text, at 80 columns, with colours and without."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from pytest_oneloop.maps.terminal import draw
from tools.example_maps import NOTHING, everything, failing, suite

if TYPE_CHECKING:
    from pytest_oneloop.loops.loopmap import LoopMap

SMALL = """\
Loop map of shop
2 tests run on 3 event loops. 1 object crosses from the loop that made it, to 2
other loops.

╷   session loop                                         lives for the whole run
○   engine                                        session · tests/conftest.py:14
◇   pool of engine
│ ╷ loop of tests/test_part_00.py::test_customer_0_is_served  lives for one test
┝━▶ engine of the session loop crosses
│ ○ db_session                                              tests/conftest.py:22
│ ■ tests/test_part_00.py::test_customer_0_is_served    tests/test_part_00.py:10
│ ╵
│ ╷ loop of tests/test_part_00.py::test_customer_1_is_served  lives for one test
┝━▶ engine of the session loop crosses
│ ○ db_session                                              tests/conftest.py:22
│ ■ tests/test_part_00.py::test_customer_1_is_served    tests/test_part_00.py:15
│ ╵
╵

○ fixture  ■ test  ◇ lives on the loop  ┝━▶ crosses, and fails there

engine is made on the session loop by engine, and used on 2 other loops by
db_session (tests/conftest.py:24).
"""


FAILING = """\
Loop map of shop
1 test ran on 1 event loop, 1 on none; the set-up of 1 test failed. Nothing
crosses from one loop to another.

  ╷ no event loop
  ■ test_a.py::test_plain                                   200 ms · test_a.py:3
╷ │ session loop                                         lives for the whole run
○ │ engine                                session · 100 ms · tests/conftest.py:9
■ │ test_a.py::test_it                             failed · 100 ms · test_a.py:6
│ ○ seed                                  failed · 100 ms · tests/conftest.py:12
│ ■ test_a.py::test_stopped                               set-up failed · 100 ms
│ ╵
╵

○ fixture  ■ test  ◇ lives on the loop
"""


MAPS = {
    "nothing": NOTHING,
    "everything": everything(),
    "1,000 tests": suite(1000, loops=True, measured=True),
    "one loop": suite(30, loops=False, measured=True),
}


def drawn(loop_map: LoopMap, *, width: int = 80, encoding: str = "utf-8", **options: object) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    console = Console(file=file, width=width, **options)  # type: ignore[arg-type]
    draw(loop_map, console)
    file.flush()
    buffer = file.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(encoding)


def trimmed(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def test_the_whole_text() -> None:
    assert trimmed(drawn(suite(2, loops=True))) == SMALL


def test_what_runs_on_no_loop_is_told_apart_and_what_failed() -> None:
    assert trimmed(drawn(failing())) == FAILING


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    text = drawn(MAPS[name], width=width)

    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= width


def test_a_name_gives_way_to_the_edge() -> None:
    text = drawn(everything(), width=60)

    assert "│ │ │   ■   test_3[<script>alert('1')</script> & very very…\n" in text


def test_it_is_said_how_many_tests_use_what_crosses() -> None:
    words = " ".join(drawn(everything()).split())

    assert (
        "engine is made on the session loop by engine, and used on 2 other loops by "
        "tests/api/test_users.py::test_0 and 1 other test. redis is made on"
    ) in words


def test_arrows_pass_over_the_loops_between() -> None:
    lines = [line.rstrip() for line in drawn(everything()).splitlines()]

    # From left to right past two loops, to the loop of the class, and back from one that is gone.
    assert "┝━┿━┿━━━▶   engine of the session loop crosses" in lines
    assert "┝━┿━┿━▶     engine of the session loop crosses" in lines
    assert any(line.startswith("▶           Lock of the loop of") for line in lines)


@pytest.mark.parametrize("name", MAPS)
def test_signs_alone_tell_it(name: str) -> None:
    colourful = drawn(MAPS[name], force_terminal=True, color_system="standard")
    plain = drawn(MAPS[name])

    assert "\x1b" not in plain
    assert Text.from_ansi(colourful).plain.split() == plain.split()
    if MAPS[name].crossings:
        assert "\x1b[1;31m" in colourful


def test_without_the_signs_plain_ones_serve() -> None:
    text = trimmed(drawn(suite(2, loops=True), encoding="ascii"))

    assert text.isascii()
    assert (
        "| . loop of tests/test_part_00.py::test_customer_0_is_served  lives for one test\n"
        "+=> engine of the session loop crosses\n"
    ) in text


def test_a_large_suite_is_folded_by_module() -> None:
    lines = drawn(MAPS["1,000 tests"]).splitlines()

    assert "It is folded by module: one box stands for all tests of a module." in lines
    assert (
        "│ ■ tests/test_part_00.py                                      20 tests · 246 ms" in lines
    )


def test_nothing_has_no_rows() -> None:
    assert trimmed(drawn(NOTHING)) == (
        "Loop map of nothing\n"
        "No test or fixture of this suite runs on an event loop.\n"
        "\n\n"
        "○ fixture  ■ test  ◇ lives on the loop\n"
    )

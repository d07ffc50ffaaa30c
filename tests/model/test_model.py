"""Random programs see in the sandbox what they see on a real database, or are told why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from model.comparing import NOT_COMPARED, SAME, DifferenceError, comparing
from model.exploring import explore
from model.playing import Outcome
from model.program import Program, Step
from pytest_oneloop.sandbox.limits import Watch
from pytest_oneloop.sandbox.transactions import Transactions

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from model.comparing import Comparison
    from pytest_oneloop.databases.address import ServerAddress

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]

PROGRAMS = 500


@pytest.fixture
def comparison(tcp_server: ServerAddress) -> Iterator[tuple[asyncio.Runner, Comparison]]:
    with comparing(tcp_server) as opened:
        yield opened


def test_what_a_program_sees_is_real_or_named(
    comparison: tuple[asyncio.Runner, Comparison],
) -> None:
    explore(*comparison, PROGRAMS)

    verdicts = comparison[1].verdicts
    assert sum(times for one, times in verdicts.items() if one not in NOT_COMPARED) >= PROGRAMS
    # To say of everything that it cannot be shown would be easy.
    assert verdicts[SAME] > PROGRAMS / 2
    assert verdicts["OL201"] > 0


def keep(stack: Transactions, owner: object) -> None:
    stack.recover(owner)
    stack.keep(stack.owned(owner))


def do_nothing(*_: object, **__: object) -> None:
    pass


@pytest.mark.parametrize(
    ("owner", "name", "broken"),
    [
        pytest.param(Transactions, "rollback", keep, id="a rollback that keeps"),
        pytest.param(Transactions, "recover", do_nothing, id="a failure that is everybody's"),
        pytest.param(Transactions, "work", do_nothing, id="writes that are not noted"),
        pytest.param(Watch, "statement", do_nothing, id="limits that are not noticed"),
    ],
)
def test_a_broken_machine_is_found(
    comparison: tuple[asyncio.Runner, Comparison],
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    broken: Callable[..., None],
) -> None:
    monkeypatch.setattr(owner, name, broken)

    with pytest.raises(DifferenceError):
        explore(*comparison, PROGRAMS, shrink=False)


def test_the_smallest_program_that_differs_is_told_as_code(
    comparison: tuple[asyncio.Runner, Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Transactions, "rollback", keep)

    with pytest.raises(DifferenceError) as raised:
        explore(*comparison, PROGRAMS)

    assert len(raised.value.program.steps) <= 3
    told = str(raised.value).splitlines()
    assert told[0] == "the sandbox shows what no real database does:"
    assert "await asyncio.gather(first())" in told


def test_a_difference_that_is_seen_once_is_told(
    comparison: tuple[asyncio.Runner, Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = iter([DifferenceError(Program((0,), ()), *[Outcome(((),), ())] * 2)])

    async def compare(_: Program) -> str:
        for difference in verdicts:
            raise difference
        return NOT_COMPARED[0]

    monkeypatch.setattr(comparison[1], "compare", compare)

    with pytest.raises(DifferenceError):
        explore(*comparison, PROGRAMS)


def test_a_program_reads_as_code() -> None:
    program = Program(
        (0, 0, 1),
        (
            Step(0, "insert", "author", 3, 2),
            Step(2, "read", "book"),
            Step(1, "savepoint"),
            Step(0, "commit"),
        ),
    )

    assert program.source({0: ["1 rows"]}).splitlines() == [
        "async def first():",
        "    one = new_session()",
        "    two = new_session()",
        '    await one.execute(text("INSERT INTO author VALUES (3, 2)"))  # 1 rows',
        "    savepoints.append(await two.begin_nested())",
        "    await one.commit()",
        "async def second():",
        "    three = new_session()",
        '    await three.execute(text("SELECT id, value FROM book ORDER BY id"))',
        "await asyncio.gather(first(), second())",
        "# in turns: first, second, first, first",
    ]

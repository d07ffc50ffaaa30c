"""Random programs over a few sessions, tasks and tables, and how they read as code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

SCHEMA: Final = """
CREATE TABLE author (id int PRIMARY KEY, value int);
CREATE TABLE book (id int PRIMARY KEY, value int REFERENCES author);
"""
RELATED: Final = {"author": frozenset({"book"}), "book": frozenset({"author"})}
SEEDS: Final = "INSERT INTO author VALUES (1, 1), (2, 2); INSERT INTO book VALUES (1, 1), (2, NULL)"
SEEDED: Final = ([(1, 1), (2, 2)], [(1, 1), (2, None)])
TABLES: Final = ("author", "book")

_STATEMENTS: Final = {
    "read": "SELECT id, value FROM {table} ORDER BY id",
    "lock": "SELECT id, value FROM {table} WHERE id = {key} FOR UPDATE",
    "insert": "INSERT INTO {table} VALUES ({key}, {value})",
    "update": "UPDATE {table} SET value = {value} WHERE id = {key}",
    "shift": "UPDATE {table} SET value = id",
    "delete": "DELETE FROM {table} WHERE id = {key}",
    "fail": "SELECT 1 / 0",
    # A request to cancel that comes before its statement is lost, and the statement goes on.
    "cancel": "INSERT INTO {table} SELECT 9, 1 FROM pg_sleep(2)",
}
_CALLS: Final = {
    "begin": "await {session}.connection()",
    "savepoint": "savepoints.append(await {session}.begin_nested())",
    "release": "await savepoints.pop().commit()",
    "undo": "await savepoints.pop().rollback()",
    "commit": "await {session}.commit()",
    "rollback": "await {session}.rollback()",
    "close": "await {session}.close()",
}
_OFTEN: Final = ("read", "read", "insert", "update", "delete", "commit", "commit", "rollback")
_ACTIONS: Final = (*_STATEMENTS, *_CALLS, *_OFTEN, *_OFTEN)

_NAMES: Final = ("one", "two", "three")
_TASKS: Final = ("first", "second", "third")

_SHAPES: Final = ((0, 0), (0, 1), (0, 0, 0), (0, 0, 1), (0, 1, 2))
"""For each session of a program, the task that has it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a session does.

    Attributes:
        session: Its number.
        action: A key of the statements or of the calls.
        table: What it is done to, for statements.
        key: The row.
        value: What is written.
    """

    session: int
    action: str
    table: str = TABLES[0]
    key: int = 1
    value: int = 1

    @property
    def sql(self) -> str | None:
        """Its statement; `None` for a call."""
        sql = _STATEMENTS.get(self.action)
        return sql and sql.format(table=self.table, key=self.key, value=self.value)

    @property
    def code(self) -> str:
        """As it would be written."""
        session = _NAMES[self.session]
        if self.sql is None:
            return _CALLS[self.action].format(session=session)
        call = f'await {session}.execute(text("{self.sql}"))'
        return f"async with asyncio.timeout(0.003): {call}" if self.action == "cancel" else call


@dataclass(frozen=True, slots=True)
class Program:
    """What a test might do.

    Attributes:
        tasks: For each session, the task that has it; tasks are counted from 0.
        steps: What happens, in the order in which it is written.
    """

    tasks: tuple[int, ...]
    steps: tuple[Step, ...]

    @property
    def written(self) -> tuple[int, ...]:
        """The order of its tasks' turns, as it is written."""
        return tuple(self.tasks[step.session] for step in self.steps)

    @property
    def several(self) -> bool:
        """Whether it has several tasks, so that there are several orders."""
        return len(set(self.written)) > 1

    def of(self, task: int) -> list[Step]:
        """Return the steps of one task."""
        return [step for step in self.steps if self.tasks[step.session] == task]

    def source(self, notes: dict[int, list[str]] | None = None) -> str:
        """Return it as code.

        Args:
            notes: For each task, what to say beside each of its steps.
        """
        lines = []
        for task in sorted(set(self.tasks)):
            sessions = [name for name, of in zip(_NAMES, self.tasks, strict=False) if of == task]
            lines += [f"async def {_TASKS[task]}():"]
            lines += [f"    {name} = new_session()" for name in sessions]
            said = (notes or {}).get(task, [])
            for place, step in enumerate(self.of(task)):
                note = f"  # {said[place]}" if place < len(said) else ""
                lines.append(f"    {step.code}{note}")
        calls = ", ".join(f"{_TASKS[task]}()" for task in sorted(set(self.tasks)))
        lines += [f"await asyncio.gather({calls})"]
        lines += [f"# in turns: {', '.join(_TASKS[task] for task in self.written)}"]
        return "\n".join(lines)


def _steps(sessions: int) -> SearchStrategy[Step]:
    small = st.integers(1, 3)
    return st.builds(
        Step,
        st.integers(0, sessions - 1),
        st.sampled_from(_ACTIONS),
        st.sampled_from(TABLES),
        small,
        small,
    )


@st.composite
def programs(draw: DrawFn) -> Program:
    """Draw a program."""
    tasks = draw(st.sampled_from(_SHAPES))
    steps = draw(st.lists(_steps(len(tasks)), min_size=2, max_size=14))
    return Program(tasks, tuple(steps))

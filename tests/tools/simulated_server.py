"""What PostgreSQL does with savepoints, on sets of writes."""

from __future__ import annotations


class SimulatedServer:
    """A transaction of PostgreSQL: savepoints by name, each with what was written since."""

    def __init__(self) -> None:
        self.levels: list[tuple[str, set[int]]] = []
        self.failed = False

    def run(self, sql: str) -> None:
        """Run one command of the stack; an error of the real server is an AssertionError."""
        words = sql.split()
        match words:
            case ["BEGIN"]:
                assert not self.levels, "BEGIN inside a transaction"
                self.levels = [("", set())]
            case ["SAVEPOINT", name]:
                assert not self.failed, f"{sql} in a failed transaction"
                self.levels.append((name, set()))
            case ["RELEASE", "SAVEPOINT", name]:
                assert not self.failed, f"{sql} in a failed transaction"
                index = self._index(name)
                kept = set().union(*(writes for _, writes in self.levels[index:]))
                del self.levels[index:]
                self.levels[-1][1].update(kept)
            case ["ROLLBACK", "TO", "SAVEPOINT", name]:
                del self.levels[self._index(name) + 1 :]
                self.levels[-1][1].clear()
                self.failed = False
            case _:
                raise AssertionError(f"unknown command: {sql}")

    def write(self, number: int) -> None:
        """Write in the innermost savepoint."""
        assert not self.failed
        self.levels[-1][1].add(number)

    @property
    def content(self) -> set[int]:
        """All that is written and not rolled back."""
        return set().union(*(writes for _, writes in self.levels))

    def _index(self, name: str) -> int:
        for index in range(len(self.levels) - 1, 0, -1):
            if self.levels[index][0] == name:
                return index
        raise AssertionError(f"no savepoint {name} among {[n for n, _ in self.levels]}")

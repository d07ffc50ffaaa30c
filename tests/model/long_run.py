"""Compare many programs: `scripts/model 20000`.

Each thousand has new databases, and the next seed. A program that differs is made as small as can
be, printed as code, and ends the run.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections import Counter

from model.comparing import NOT_COMPARED, DifferenceError, comparing
from model.exploring import explore
from tools.servers import running_server

_AT_ONCE = 1000


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/model", description=(__doc__ or "").strip())
    parser.add_argument("programs", type=int, nargs="?", default=20_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    given = parser.parse_args()
    verdicts: Counter[str] = Counter()
    start = time.monotonic()
    with running_server() as server:
        for done in range(0, given.programs, _AT_ONCE):
            seed = given.seed + done // _AT_ONCE
            number = min(_AT_ONCE, given.programs - done)
            with comparing(server) as (runner, comparison):
                try:
                    explore(runner, comparison, number, seed=seed)
                except DifferenceError as error:
                    _say(f"seed {seed}: {error}")
                    return 1
            verdicts += comparison.verdicts
            took = time.monotonic() - start
            _say(f"{done + number} programs, seed {seed}, {took:.0f} s")
    for verdict, times in verdicts.most_common():
        _say(f"{times:7} {verdict}")
    compared = sum(times for verdict, times in verdicts.items() if verdict not in NOT_COMPARED)
    _say(f"{compared:7} compared, none of them differs")
    return 0


if __name__ == "__main__":
    sys.exit(main())

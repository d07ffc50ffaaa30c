"""Measure the start of a run: `python benchmarks/start_up.py`.

Prints how long the first test takes to be done, without a database, with a template that is there
from an earlier run, and with nothing but the programs of PostgreSQL. By turns, medians.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))  # the tests' own projects

from results import machine, versions  # noqa: E402

from tools.start_up import measure_start_up  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="measured rounds (%(default)s)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        took = measure_start_up(Path(folder), rounds=rounds)
    print("| the example, from the start of pytest to the end of its first test | seconds |")
    print("|---|---|")
    print(f"| no test needs a database | {took.without:.2f} |")
    print(f"| the template is there | {took.warm:.2f} ({took.warm - took.without:+.2f}) |")
    print(f"| nothing is there | {took.cold:.2f} ({took.cold - took.without:+.2f}) |")
    facts = [*machine().values(), *(f"{name} {number}" for name, number in versions().items())]
    print(f"\nMedians of {rounds} rounds; {', '.join(facts)}.")
    print(f"Work of a fixed size took {took.crowding:.2f} times its processor time meanwhile.")


if __name__ == "__main__":
    main()

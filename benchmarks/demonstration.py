"""Write the table of `oneloop demo` for the README: `python benchmarks/demonstration.py`.

Runs the command, keeps what it printed as results/demo.txt, and puts the tables between the two
marks in README.md. Takes half a minute.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULT = HERE / "results" / "demo.txt"
README = HERE.parent / "README.md"
MARKED = re.compile(r"(<!-- demo -->\n).*?(<!-- /demo -->\n)", re.DOTALL)


def main() -> None:
    command = [str(Path(sys.executable).with_name("oneloop")), "demo"]
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, timeout=300, check=True
    )
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    block = f"```text\n{tables(lines)}\n```\n"
    README.write_text(MARKED.sub(rf"\g<1>{block}\g<2>", text), encoding="utf-8")


def tables(lines: list[str]) -> str:
    """Return both tables and the line below them, without the notes."""
    [end] = [number for number, line in enumerate(lines) if "tests failed" in line]
    return "\n".join(lines[: end + 1])


if __name__ == "__main__":
    main()

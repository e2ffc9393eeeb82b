"""Whether a checker knows every type of the package without inferring it: `python -m tests.typing.completeness`.

Checkers infer in their own ways. What is annotated has the same type for the users of each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["incomplete"]

_SOURCES = Path(__file__).parents[2] / "src"


def incomplete() -> list[str]:
    """A line for each symbol whose type is unknown or inferred, and why."""
    checker = str(Path(sys.executable).with_name("basedpyright"))
    command = [checker, "--pythonpath", sys.executable, "--verifytypes", "duologue", "--ignoreexternal", "--outputjson"]
    # A folder without a configuration: in the repository's own, the package would be its sources and not a package.
    with tempfile.TemporaryDirectory() as empty:
        path = os.pathsep.join((str(_SOURCES), sysconfig.get_path("purelib")))
        environment = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run(command, cwd=empty, env=environment, capture_output=True, encoding="utf-8", check=False)
    found = msgspec.json.decode(done.stdout)["typeCompleteness"]
    if not found["symbols"]:
        return [f"basedpyright has found no symbols: {done.stderr}"]
    incomplete_ones = [each for each in found["symbols"] if not each["isTypeKnown"] or each["isTypeAmbiguous"]]
    # A symbol that is incomplete because another one is has no place of its own.
    return [*_lines(incomplete_ones)] or [each["name"] for each in incomplete_ones]


def _lines(symbols: list[dict[str, Any]]) -> Iterator[str]:
    for symbol in symbols:
        for each in symbol["diagnostics"]:
            if each["severity"] == "error" and "range" in each:
                line = each["range"]["start"]["line"] + 1
                yield f"{each['file']}:{line}: {symbol['name']}: {each['message'].splitlines()[0]}"


if __name__ == "__main__":
    lines = incomplete()
    print("\n".join(lines) or "Every type is known.")
    sys.exit(bool(lines))

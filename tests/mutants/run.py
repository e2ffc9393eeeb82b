"""Random mutants of floors 1 to 3, each run against the tests of its own floor.

    python -m tests.mutants.run --number 200 --seed 1

Each mutant is one small change to one file, in a copy of the tree. First run the tests of the module's own test file,
then those of files that import the module, then the rest of the floor's. The first failure ends the run. Prints what no
test noticed, as diffs.
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from tests.mutants.mutations import Mutant, mutants_of

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = Path("src/duologue")

FLOORS: Final = {
    "events": ("events", "codec", "catalogue"),
    "errors": ("test_errors.py", "codec", "protocol"),
    "audio": ("audio",),
    "dialects": ("dialects", "codec", "catalogue"),
    "codec": ("codec", "dialects", "events"),
    "catalogue": ("catalogue",),
    "protocol": ("protocol",),
}
"""The folders and files of tests for a floor. Events and errors are tested where they are used, too."""

TEST_S: Final = 60
"""Six times the longest test, for a busy machine; a mutant that loops for ever is noticed by it."""

RUN_S: Final = 300
"""All tests of the slowest floor, likewise."""

_NO_TESTS: Final = 5
"""How pytest ends where files hold none."""

COPIED: Final = ("src", "tests", "docs", "examples", "bench", "fuzz", "pyproject.toml", "README.md", "CHANGELOG.md")


def candidates(floors: Sequence[str]) -> list[Mutant]:
    """Every mutant of these floors, but those that are known to change nothing."""
    accepted = {(entry["path"], entry["before"], entry["after"]) for entry in _accepted()}
    found: list[Mutant] = []
    for floor in floors:
        sources = sorted((ROOT / PACKAGE / floor).rglob("*.py")) or [ROOT / PACKAGE / f"{floor}.py"]
        for source in sources:
            path = source.relative_to(ROOT).as_posix()
            mutants = mutants_of(path, source.read_text(encoding="utf-8"))
            found += [each for each in mutants if (path, each.before.strip(), each.after.strip()) not in accepted]
    return found


def _accepted() -> list[dict[str, str]]:
    with (Path(__file__).parent / "accepted.toml").open("rb") as file:
        entries: list[dict[str, str]] = tomllib.load(file).get("mutant", [])
    return entries


def tests_of(path: str, root: Path) -> list[str]:
    """Test files of a tree for a module, the likeliest to notice a change first."""
    module = Path(path).relative_to(PACKAGE)
    dotted = ".".join(("duologue", *module.with_suffix("").parts)).removesuffix(".__init__")
    files = [
        file for folder in FLOORS[module.parts[0].removesuffix(".py")] for file in _test_files(root / "tests" / folder)
    ]

    def distance(file: Path) -> int:
        if file.name == f"test_{module.stem}.py":
            return 0
        return 1 if dotted in file.read_text(encoding="utf-8") else 2

    return [file.relative_to(root).as_posix() for file in sorted(files, key=distance)]


def _test_files(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.rglob("test_*.py"))


# --- running ----------------------------------------------------------------------------------------------------------


class Bench:
    """A copy of the tree, for one mutant at a time."""

    def __init__(self, folder: Path) -> None:
        self._root = folder
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
            elif source.exists():
                shutil.copy(source, folder / name)

    def check(self, mutant: Mutant) -> str:
        """The test that fails with this change; empty if none does."""
        target = self._root / mutant.path
        original = target.read_text(encoding="utf-8")
        target.write_text(mutant.applied_to(original), encoding="utf-8")
        try:
            return self.failure(mutant.path)
        finally:
            target.write_text(original, encoding="utf-8")

    def failure(self, path: str) -> str:
        """The first test that fails of those for a module; empty if none does."""
        files = tests_of(path, self._root)
        # The likeliest first, by themselves: collecting all of a floor takes longer than running these.
        return next(filter(None, (self._first_failure(some) for some in (files[:2], files[2:]) if some)), "")

    def _first_failure(self, files: Sequence[str]) -> str:
        # One that hangs outside of a test, or while one is collected, is found by the time of the whole.
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", "-rfE"]
        environment = {
            **os.environ,
            "PYTHONPATH": str(self._root / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",  # a file is changed twice within a second: its bytecode would look fresh
            "HYPOTHESIS_PROFILE": "repeatable",
        }
        try:
            done = subprocess.run(
                [*command, f"--timeout={TEST_S}", *files],
                cwd=self._root,
                env=environment,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=RUN_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"not done after {RUN_S} s"
        if done.returncode in (0, _NO_TESTS):
            return ""
        failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return failed[0] if failed else f"pytest ended with {done.returncode}"


def main() -> int:
    """Run, and print. Returns 1 if the tests fail without a mutant."""
    options = _options()
    found = candidates(options.floor)
    chosen = random.Random(options.seed).sample(found, min(options.number, len(found)))
    print(f"{len(chosen)} of {len(found)} mutants of {', '.join(options.floor)}; seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        benches: SimpleQueue[Bench] = SimpleQueue()
        for index in range(options.processes):
            benches.put(Bench(Path(folder) / str(index)))

        def check(mutant: Mutant) -> tuple[Mutant, str, float]:
            bench = benches.get()
            began = time.monotonic()
            try:
                return mutant, bench.check(mutant), time.monotonic() - began
            finally:
                benches.put(bench)

        bench = benches.get()
        unmutated = {} if options.unchecked else {mutant.path.split("/")[2]: mutant.path for mutant in chosen}
        for path in unmutated.values():
            if failure := bench.failure(path):
                print(f"mutants mean nothing with tests that fail without any mutant: {failure}", file=sys.stderr)
                return 1
        benches.put(bench)
        survivors: list[Mutant] = []
        seconds: list[float] = []
        with ThreadPoolExecutor(options.processes) as pool:
            for mutant, failure, taken_s in pool.map(check, chosen):
                seconds.append(taken_s)
                if not failure:
                    survivors.append(mutant)
                if not failure or options.verbose:
                    print(f"{_shown(mutant)}{failure}\n", flush=True)
    noticed_share = 1 - len(survivors) / max(len(chosen), 1)
    print(
        f"{len(chosen) - len(survivors)} of {len(chosen)} noticed: {noticed_share:.1%}; "
        f"{sorted(seconds)[len(seconds) // 2]:.1f} s a mutant (median), {max(seconds):.1f} s at most"
    )
    return 0


def _shown(mutant: Mutant) -> str:
    before = (ROOT / mutant.path).read_text(encoding="utf-8")
    after = mutant.applied_to(before)
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), mutant.path, f"{mutant.path} ({mutant.kind})", n=2, lineterm=""
    )
    return "\n".join(lines) + "\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Mutants of floors 1 to 3, and which of them the tests notice.")
    parser.add_argument("--number", type=int, default=50, help="how many mutants (default: 50)")
    parser.add_argument("--seed", type=int, default=1, help="chooses them (default: 1)")
    parser.add_argument("--processes", type=int, default=2, help="how many at a time (default: 2)")
    parser.add_argument("--floor", nargs="*", choices=list(FLOORS), default=list(FLOORS), help="these only")
    parser.add_argument("--unchecked", action="store_true", help="take it that the tests pass without a mutant")
    parser.add_argument("--verbose", action="store_true", help="print also what was noticed, and by which test")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

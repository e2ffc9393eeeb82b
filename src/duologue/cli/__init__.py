"""The `duologue` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

__all__ = ["main"]

_EXTRA = ("cyclopts", "rich")
_PARENT = "_DUOLOGUE_PARENT"  # as `cli.serving.parent_process` has it
_INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; by default with the arguments of this process. Returns its exit code."""
    _open_standard_files()
    try:
        return _main(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:  # while the modules are being imported: a running command handles it itself
        return _INTERRUPTED


def _open_standard_files() -> None:
    """Open standard input, output and error as the null device where the caller has closed them.

    Otherwise the first socket gets the descriptor of one of them, and the event loop fails.
    """
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(opened, True)
    os.close(opened)


def _main(arguments: Sequence[str]) -> int:
    if _PARENT in os.environ:  # before the modules of the command, which the parent of workers does without
        from duologue.cli.serving.parent_process import run_parent

        return run_parent(os.environ.pop(_PARENT))
    for package in _EXTRA:
        try:
            import_module(package)
        except ModuleNotFoundError as fault:
            print(f"duologue: the command needs {fault.name}; run: pip install 'duologue[cli]'", file=sys.stderr)
            return 1
    from duologue.cli.app import run

    return run(arguments)

"""The `duologue` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_BROUGHT_BY_THE_EXTRA = frozenset({"cyclopts", "rich"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; by default with the arguments of this process. Returns its exit code."""
    try:
        from duologue.cli.app import run
    except ModuleNotFoundError as fault:
        if (fault.name or "").partition(".")[0] not in _BROUGHT_BY_THE_EXTRA:
            raise
        print(f"duologue: the command needs {fault.name}; run: pip install 'duologue[cli]'", file=sys.stderr)
        return 1
    return run(sys.argv[1:] if arguments is None else arguments)

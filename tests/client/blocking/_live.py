"""Live sessions of threads with scripted servers, which leave no thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from duologue import blocking
from duologue.testing import ScriptedServer
from tests.client._threads import no_thread_left

__all__ = ["talking_live", "until"]


@contextmanager
def talking_live(server: ScriptedServer, **options: Any) -> Generator[blocking.BlockingLive, None, None]:
    """A session with a scripted server; afterwards it has left no thread, and the server found no fault."""
    named: dict[str, Any] = {"model": "scripted", **options}
    with no_thread_left(), blocking.live(open_connection=server.open_live, **named) as live:
        yield live
    assert server.faults == []


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds that no event tells: five seconds at most."""
    ends_at = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < ends_at

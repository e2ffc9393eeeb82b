"""A scripted server that listens in a thread, for sync tests and for clients in other processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from duologue.faults import FaultPlan
from duologue.testing.scripted_server import ScriptedServer, ScriptStep
from duologue.testing.served.realtime_server import Held, ServerThread

__all__ = ["ServedScript"]

_END_S: Final = 1.0
"""How long a script may take to read what its client has sent: the client is on the same machine."""


class ServedScript(ScriptedServer):
    """Plays its scripts as a `ScriptedServer` does; at the first use of `url` it listens, too."""

    def __init__(
        self, *scripts: Sequence[ScriptStep], thread: Callable[[], ServerThread], faults: FaultPlan | None = None
    ) -> None:
        """`thread` is asked for at the first use of `url`."""
        super().__init__(*scripts, faults=faults or ())
        self._find_thread = thread
        self._thread: ServerThread | None = None
        self._held: Held[str] | None = None

    @property
    def url(self) -> str:
        """The whole URL of sessions."""
        if self._held is None:
            self._thread = self._find_thread()
            self._held = self._thread.hold(self.listening)
        return f"{self._held.value}/v1/realtime"

    def close(self) -> None:
        """Read what has come, and stop listening."""
        held, self._held = self._held, None
        if held is not None and self._thread is not None:
            self._thread.call(self._settled, timeout_s=2 * _END_S)
            held.release()

    async def _settled(self) -> None:
        """Wait until all scripts are played, or all clients have gone."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_S), self._changed:
                while not all(each.is_set() for each in self._played) and None in self.closed_with:
                    await self._changed.wait()

"""An observer of the ends of sessions."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from duologue.server import SessionObserver


class SessionEnds:
    """An observer that has the close codes of sessions that ended, in order, and why others never began."""

    def __init__(self) -> None:
        self.codes: asyncio.Queue[int] = asyncio.Queue()
        self.reasons: list[str] = []
        self._turned_away = asyncio.Event()

    def opened(self, session_id: str, *, kind: str) -> SessionObserver:
        return _End(self.codes)

    def turned_away(self, reason: str) -> None:
        self.reasons.append(reason)
        self._turned_away.set()

    async def reason(self) -> str:
        """The first reason, waited for."""
        async with asyncio.timeout(5):
            await self._turned_away.wait()
        return self.reasons[0]


class _End:
    def __init__(self, codes: asyncio.Queue[int]) -> None:
        self._codes = codes

    def received(self, n_bytes: int, input_ms: int) -> None: ...
    def sent(self, event: Any, n_bytes: int) -> None: ...
    def spoke(self, audio_s: float) -> None: ...
    def illegal_transition(self, table: str) -> None: ...

    def work(self, kind: str, work_id: str) -> AbstractContextManager[object]:
        return nullcontext()

    def engine_call(self, stage: str) -> AbstractContextManager[object]:
        return nullcontext()

    def closed(self, code: int) -> None:
        self._codes.put_nowait(code)

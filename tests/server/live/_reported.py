"""The protocol's side of a Live session, for the parts that report to it."""

from __future__ import annotations

from typing import Any

__all__ = ["Reported"]


class Reported:
    """Keeps what is reported, without its time, and says how much speech is ahead."""

    session_id = "live_1"

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.voice_ahead_ms = 0

    def __getattr__(self, name: str) -> Any:
        return lambda *details, now: self.calls.append((name, *details))

    async def flush(self) -> None:
        """Noted too."""
        self.calls.append(("flush",))

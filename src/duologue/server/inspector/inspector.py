"""Keeps the latest sessions of a server in memory, for those who look at them.

`keep` sessions at the most, and `max_bytes` in all, 256 MiB: each may have its share of it, and 64 MiB at the most,
which is ten minutes of a call with audio in both directions at 24 kHz. A call that is looked at takes up to 40 MiB more
for its fold, and eight are looked at together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from duologue.recording import Header
from duologue.server.inspector.followed_call import FollowedCall
from duologue.server.inspector.kept_session import KeptSession

__all__ = ["Inspector", "TooManyFollowed"]

_MAX_BYTES: Final = 256 * 1024 * 1024

_MAX_SESSION_BYTES: Final = 64 * 1024 * 1024
"""Ten minutes of a call at 24 kHz: 38 MB of the microphone, and as much again if the model never stops."""

_MAX_FOLLOWED: Final = 8
"""Calls that are folded together. Those that nobody looks at any more make room."""

_FORGET_S: Final = 30.0
"""After nobody has looked at a call for so long, its fold is given up. A page that is loaded takes a second."""

_SHRINK_S: Final = 0.02
_LINES_AT_ONCE: Final = 200
"""When shares get smaller, sessions give up audio in steps: one takes half a millisecond."""


class TooManyFollowed(Exception):
    """More calls are looked at than can be folded together."""


class Inspector:
    """A tap of a server. `duologue.server.inspector.web_server` shows what it keeps."""

    def __init__(self, *, keep: int = 50, max_bytes: int = _MAX_BYTES) -> None:
        """Keep this many sessions, the latest ones; of more, those that are over make room before open ones.

        Raises ValueError: none would be kept.
        """
        if keep < 1:
            raise ValueError(f"an inspector keeps at least one session, not {keep}")
        self._keep = keep
        self._max_bytes = max_bytes
        self._sessions: dict[str, KeptSession] = {}
        """In the order in which they began."""
        self._followed: dict[str, FollowedCall] = {}
        self._folds = 0
        self._shrinking: asyncio.TimerHandle | None = None
        self._news: asyncio.Event | None = None

    def opened(self, session_id: str, header: Header, /) -> KeptSession:
        """Keep this session."""
        session = KeptSession(session_id, header, max_bytes=_MAX_SESSION_BYTES, changed=self._changed)
        self._sessions[session_id] = session
        while len(self._sessions) > self._keep:
            over = (each for each in self._sessions.values() if not each.is_open)
            self._give_up(next(over, next(iter(self._sessions.values()))))
        self._share()
        self._changed()
        return session

    @property
    def sessions(self) -> list[KeptSession]:
        """Those that are kept, the latest first."""
        return list(reversed(self._sessions.values()))

    def rows(self) -> list[dict[str, Any]]:
        """What a list says about them, as JSON-ready data."""
        return [each.row() for each in self.sessions]

    async def news(self) -> None:
        """Wait until a session begins or ends."""
        if self._news is None:
            self._news = asyncio.Event()
        await self._news.wait()

    @asynccontextmanager
    async def following(self, session_id: str) -> AsyncGenerator[FollowedCall | None, None]:
        """Look at a call for a block; None: there is no such session.

        Its fold stays for a moment: a page asks for its events once it is loaded. Raises TooManyFollowed.
        """
        session = self._sessions.get(session_id)
        if session is None:
            yield None
            return
        call = self._followed.get(session_id)
        if call is None or call.is_lost:
            call = self._follow(session)
        call.viewers += 1
        try:
            yield call
        finally:
            call.viewers -= 1
            if not call.viewers:
                asyncio.get_running_loop().call_later(_FORGET_S, self._forget, call)

    def _forget(self, call: FollowedCall) -> None:
        if not call.viewers and self._followed.get(call.session.session_id) is call:
            del self._followed[call.session.session_id]

    def _follow(self, session: KeptSession) -> FollowedCall:
        self._followed.pop(session.session_id, None)
        if len(self._followed) >= _MAX_FOLLOWED:
            unseen = next((name for name, each in self._followed.items() if not each.viewers), None)
            if unseen is None:
                raise TooManyFollowed
            del self._followed[unseen]
        self._folds += 1
        call = self._followed[session.session_id] = FollowedCall(session, number=self._folds)
        return call

    def _give_up(self, session: KeptSession) -> None:
        del self._sessions[session.session_id]
        self._followed.pop(session.session_id, None)
        session.give_up()

    def _share(self) -> None:
        """Give each session its share of the memory."""
        share = min(_MAX_SESSION_BYTES, self._max_bytes // len(self._sessions))
        for session in self._sessions.values():
            session.lines.max_bytes = share
        if self._shrinking is None:
            self._shrink()

    def _shrink(self) -> None:
        """Have sessions that are above their share give up some audio: those that are over do not by themselves."""
        self._shrinking = None
        left = [each for each in self._sessions.values() if each.lines.size_bytes > each.lines.max_bytes]
        if left:
            left[0].lines.shrink(lines=_LINES_AT_ONCE)
            self._shrinking = asyncio.get_running_loop().call_later(_SHRINK_S, self._shrink)

    def _changed(self) -> None:
        news, self._news = self._news, None
        if news is not None:
            news.set()

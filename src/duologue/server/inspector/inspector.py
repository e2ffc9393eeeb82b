"""Keeps the latest sessions of a server in memory, for those who look at them.

`keep` sessions at the most. Their lines have `line_bytes` together, 128 MiB, which is twenty hours of calls with pieces
of 100 ms; beyond its share a session gives up its first lines. Their audio is kept while the inspector is in use, from
the first page that is asked for until ten minutes after the last, in one ring, `audio_bytes`: 128 MiB, which is ten
minutes of two calls with audio in both directions at 24 kHz, and one minute of twenty. A call that is looked at takes
some 30 MiB more for an hour, and eight are looked at together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from duologue.recording import Header
from duologue.server.inspector.audio_ring import AudioRing
from duologue.server.inspector.followed_call import FollowedCall
from duologue.server.inspector.kept_lines import KeptLines
from duologue.server.inspector.kept_session import KeptSession

__all__ = ["Inspector", "TooManyFollowed"]

_AUDIO_BYTES: Final = 128 * 1024 * 1024
_LINE_BYTES: Final = 128 * 1024 * 1024

_MAX_SESSION_BYTES: Final = 64 * 1024 * 1024
"""Of one session's lines: with pieces of 20 ms, an hour."""

_MAX_FOLLOWED: Final = 8
"""Calls that are folded together. Those that have no viewer any more make room."""

_IN_USE_S: Final = 600.0
"""Who has closed a page may look at the next call; and a ring that keeps ten minutes has nothing older."""

_FORGET_S: Final = 300.0
"""A call without a viewer for so long loses its fold: the next viewer waits 5 s for that of an hour."""


class TooManyFollowed(Exception):
    """More calls are looked at than can be folded together."""


class Inspector:
    """A tap of a server. `duologue.server.inspector.web_server` shows what it keeps."""

    def __init__(self, *, keep: int = 50, audio_bytes: int = _AUDIO_BYTES, line_bytes: int = _LINE_BYTES) -> None:
        """Keep this many sessions, the latest ones; of more, those that are over make room before open ones.

        Raises ValueError: none would be kept.
        """
        if keep < 1:
            raise ValueError(f"an inspector keeps at least one session, not {keep}")
        self._keep = keep
        self._ring = AudioRing(audio_bytes)
        self._line_bytes = line_bytes
        self._sessions: dict[str, KeptSession] = {}
        """In the order in which they began."""
        self._followed: dict[str, FollowedCall] = {}
        self._forgetting: dict[str, asyncio.TimerHandle] = {}
        """Folds without a viewer."""
        self._folds = 0
        self._closing: asyncio.TimerHandle | None = None
        self._news: asyncio.Event | None = None

    def opened(self, session_id: str, header: Header, /) -> KeptSession:
        """Keep this session."""
        lines = KeptLines(self._ring, max_bytes=_MAX_SESSION_BYTES)
        session = KeptSession(session_id, header, lines, changed=self._changed)
        self._sessions[session_id] = session
        while len(self._sessions) > self._keep:
            over = (each for each in self._sessions.values() if not each.is_open)
            self._give_up(next(over, next(iter(self._sessions.values()))))
        self._share()
        self._changed()
        return session

    def in_use(self) -> None:
        """Something is looked at: keep audio, from now on and for ten minutes."""
        self._ring.open()
        if self._closing is not None:
            self._closing.cancel()
        self._closing = asyncio.get_running_loop().call_later(_IN_USE_S, self._not_in_use)

    def _not_in_use(self) -> None:
        if any(each.viewers for each in self._followed.values()):
            self.in_use()
        else:
            self._closing = None
            self._ring.close()

    def close(self) -> None:
        """Give up everything."""
        if self._closing is not None:
            self._closing.cancel()
        self._ring.close()
        for session in self.sessions:
            self._give_up(session)

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

        Its fold stays for a while: a page asks for its events once it is loaded. Raises TooManyFollowed.
        """
        session = self._sessions.get(session_id)
        if session is None:
            yield None
            return
        call = self._followed.get(session_id)
        if call is None or call.is_lost:
            call = self._follow(session)
        call.viewers += 1
        if (forgetting := self._forgetting.pop(session_id, None)) is not None:
            forgetting.cancel()
        try:
            yield call
        finally:
            call.viewers -= 1
            if not call.viewers and self._followed.get(session_id) is call:
                later = asyncio.get_running_loop().call_later(_FORGET_S, self._forget, session_id)
                self._forgetting[session_id] = later

    def _forget(self, session_id: str) -> None:
        """Give up a fold, and the timer that would do it, which holds nothing of it."""
        self._followed.pop(session_id, None)
        if (forgetting := self._forgetting.pop(session_id, None)) is not None:
            forgetting.cancel()

    def _follow(self, session: KeptSession) -> FollowedCall:
        self._forget(session.session_id)
        if len(self._followed) >= _MAX_FOLLOWED:
            unseen = next((name for name, each in self._followed.items() if not each.viewers), None)
            if unseen is None:
                raise TooManyFollowed
            self._forget(unseen)
        self._folds += 1
        call = self._followed[session.session_id] = FollowedCall(session, number=self._folds)
        return call

    def _give_up(self, session: KeptSession) -> None:
        del self._sessions[session.session_id]
        self._forget(session.session_id)
        session.give_up()

    def _share(self) -> None:
        """Give each session its share of the memory. Those that have more give up their first lines."""
        share = min(_MAX_SESSION_BYTES, self._line_bytes // len(self._sessions))
        for session in self._sessions.values():
            session.lines.max_bytes = share
            session.lines.shrink()

    def _changed(self) -> None:
        news, self._news = self._news, None
        if news is not None:
            news.set()

"""A session whose taps are told what passes, and when its engines work.

The transport is wrapped by `RecordingTransport`, so that taps are told what has passed, in the order in which it did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import msgspec

from duologue.errors import ConnectionClosed
from duologue.recording import (
    ClosedBy,
    ClosedLine,
    Direction,
    EngineNote,
    Header,
    NoteLine,
    RecordingLine,
    RecordingTransport,
    SessionFamily,
    Side,
)
from duologue.recording.secrets import url_without_keys
from duologue.recording.writer import local_time
from duologue.server.tap.taps import SessionTap, Tap
from duologue.server.telemetry.observer import UNOBSERVED, NullSessionObserver, SessionObserver, Stage, Work
from duologue.transports import Transport

__all__ = ["TappedSession"]

_DIGITS: Final = 6
"""Of seconds: microseconds."""

_NO_CLOSE: Final = 1006
"""Where the connection broke: RFC 6455, section 7.4.1."""

_MAX_URL_CHARACTERS: Final = 2000
"""Of a client's URL in a header: its query may have a hundred kilobytes."""

_WORK: Final[ContextVar[str | None]] = ContextVar("work", default=None)
"""The id of the item or response that the current task works on."""


class TappedSession:
    """Tells the taps of one session what passes. An `Observer`, and what `RecordingTransport` writes to.

    It is made before the session, and has taps once that has told its id (`opened`).
    """

    side: Side = "server"

    def __init__(self, taps: Sequence[Tap], *, url: str | None = None) -> None:
        """`url` is the client's; what of it may be a key is left out."""
        self._made_by = tuple(taps)
        self._taps: tuple[SessionTap, ...] = ()
        self._passed: tuple[Callable[[float, Direction, str | bytes], None], ...] = ()
        self._now = asyncio.get_running_loop().time
        self._started_s = 0.0
        shown = url_without_keys(url)[:_MAX_URL_CHARACTERS] if url is not None else None
        self._header = Header(started_at="", side=self.side, url=shown)
        self._is_closed = False

    def around(self, transport: Transport) -> Transport:
        """The transport for the session."""
        return _TappedTransport(transport, self) if self._made_by else transport

    def about(
        self,
        *,
        family: SessionFamily,
        subject: str,
        model: str | None = None,
        dialect: str | None = None,
        medium: str | None = None,
    ) -> None:
        """Fields of the header, before the session is made. `subject` is whose session it is, never a key."""
        self._header = msgspec.structs.replace(
            self._header, family=family, subject=subject, model=model, dialect=dialect, medium=medium
        )

    def opened(self, session_id: str, *, kind: str) -> SessionObserver:
        """The session has this id: from now on taps are told."""
        self._started_s = self._now()
        header = msgspec.structs.replace(self._header, started_at=local_time())
        taps = (each.opened(session_id, header) for each in self._made_by)
        self._taps = tuple(each for each in taps if each is not None)
        self._passed = tuple(each.passed for each in self._taps)
        return _EngineNotes(self) if self._taps else UNOBSERVED

    @property
    def has_taps(self) -> bool:
        """Whether there is anything to be told, now or when the session has its id."""
        return bool(self._made_by)

    def turned_away(self, reason: str) -> None:
        """Nothing to tell: there is no session."""

    # --- for the transport

    def write(self, direction: Direction, message: str | bytes, *, connection: int = 1) -> None:
        """A message has passed."""
        at_s = self._now() - self._started_s
        for passed in self._passed:
            passed(at_s, direction, message)

    def closed(self, code: int, reason: str = "", *, by: ClosedBy, connection: int = 1) -> None:
        """The connection is over."""
        if not self._is_closed:
            self._is_closed = True
            self._tell(ClosedLine(at_s=self.at_s, code=code, reason=reason, by=by))

    # --- for the observer

    @property
    def at_s(self) -> float:
        """Seconds since the session began."""
        return round(self._now() - self._started_s, _DIGITS)

    def engine(self, note: EngineNote) -> None:
        """An engine has begun or ended a piece of work."""
        self._tell(NoteLine(at_s=self.at_s, note=note))

    def end(self, code: int = _NO_CLOSE) -> None:
        """The session is over, with this close code."""
        self.closed(code, by="network" if code == _NO_CLOSE else "client")
        taps, self._taps, self._passed = self._taps, (), ()
        for tap in taps:
            tap.ended()

    def close(self) -> None:
        """End, unless the session has: one that was made may never have run."""
        self.end()

    # --- for what passes beside the session

    def write_line(self, line: RecordingLine) -> None:
        """A line that is none of the session's: of the leg of a telephone call. Its time is `at_s`."""
        self._tell(line)

    def _tell(self, line: RecordingLine) -> None:
        for tap in self._taps:
            tap.told(line)


class _TappedTransport(RecordingTransport):
    """The same, with less between a message and the taps: a call has twenty a second."""

    def __init__(self, transport: Transport, session: TappedSession) -> None:
        super().__init__(transport, session)
        self._send, self._receive, self._write = transport.send, transport.receive, session.write

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message, then have the taps told."""
        await self._send(message)
        self._write("sent", message)

    async def receive(self) -> str | bytes:
        """The next message, of which the taps are told. Cancelling loses nothing."""
        try:
            message = await self._receive()
        except ConnectionClosed as closed:
            self._ended(closed.code, closed.reason)
            raise
        self._write("received", message)
        return message


class _EngineNotes(NullSessionObserver):
    """Has the taps told when engines begin and end."""

    __slots__ = ("_session",)

    def __init__(self, session: TappedSession) -> None:
        self._session = session

    @contextmanager
    def work(self, kind: Work, work_id: str) -> Generator[None, None, None]:
        token = _WORK.set(work_id if kind != "session" else None)
        try:
            yield
        finally:
            _WORK.reset(token)

    @contextmanager
    def engine_call(self, stage: Stage) -> Generator[None, None, None]:
        work_id = _WORK.get()
        self._session.engine(EngineNote(stage=stage, step="begin", id=work_id))
        try:
            yield
        finally:
            self._session.engine(EngineNote(stage=stage, step="end", id=work_id))

    def closed(self, code: int) -> None:
        self._session.end(code)

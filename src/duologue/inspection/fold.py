"""Makes a `CallView` of a recording, line by line, while it is written or afterwards.

    fold = CallFold(recording.header)
    for line in recording.lines():
        for change in fold.push(line): …      # which rows are new, or have changed
    fold.view

Only Realtime sessions are understood; messages of another family are counted, and are no rows. Nothing of the audio is
kept, and texts and rows are bounded, so a call of any length can be folded.
"""

from __future__ import annotations

from typing import Final, Literal

from duologue.events import RealtimeEvent
from duologue.inspection.client_events import ClientSide
from duologue.inspection.heard import HeardLane
from duologue.inspection.reading import FrameReader, ReadEvent
from duologue.inspection.rows import Change, Rows, shortened
from duologue.inspection.sequence import EventSequence
from duologue.inspection.server_events import ServerSide
from duologue.inspection.session_in_force import SessionClock
from duologue.inspection.tools import ToolLane
from duologue.inspection.turns import TurnLane
from duologue.inspection.view import CallError, CallMark, CallView, MarkKind
from duologue.recording import (
    ClosedLine,
    ConnectedLine,
    EngineNote,
    ExchangeLine,
    FaultNote,
    Frame,
    Header,
    MarkNote,
    Note,
    PlaybackNote,
    RecordingLine,
    ToolNote,
    UnknownLine,
    UnknownNote,
)

__all__ = ["CallFold"]

_MAX_TYPES: Final = 500
"""Of events that are counted apart: a server may make up any number of names."""

_MAX_CONNECTIONS: Final = 4
"""Whose sessions are followed: two overlap while a conversation goes over to the next."""

_AGREED: Final = frozenset({1000, 1001})
"""Close codes of a normal end: RFC 6455, section 7.4.1."""


class CallFold:
    """Folds the lines of one recording. `view` is what they are so far."""

    def __init__(self, header: Header | None = None, *, dialect: str | None = None) -> None:
        """`dialect` is that of the frames; None: the header's, or else that of the hosted service."""
        self._reader = FrameReader(header, dialect=dialect)
        self.read: ReadEvent | None = None
        """What the last line says, if it was a frame."""
        self.view = CallView(
            side=header.side if header is not None else "client", model=header.model if header is not None else None
        )
        self._rows = Rows(self.view)
        self._sequence = EventSequence(self.view.sequence)
        self._turns = TurnLane(self.view, self._rows)
        self._heard = HeardLane(self._rows)
        self._tools = ToolLane(self._rows)
        self._server = ServerSide(self.view, self._rows, self._turns, self._heard, self._tools)
        self._client = ClientSide(self.view, self._turns, self._heard, self._tools, self._server)
        self._sessions: dict[int, SessionClock] = {}

    def push(self, line: RecordingLine) -> list[Change]:
        """Take the next line; returns the rows that are new or have changed, in order, each once."""
        self.read = None
        match line:
            case Frame():
                self._frame(line)
            case ClosedLine(at_s=at_s, code=code, reason=reason, by=by):
                self._closed(at_s, code, reason, by)
            case ConnectedLine(at_s=at_s, url=url):
                self._turns.restoring()
                self._mark(at_s, "connected", url or "")
            case UnknownLine() | ExchangeLine():
                return []
            case _:
                self._noted(line.note, line.at_s)
        if not isinstance(line, UnknownLine | ExchangeLine):
            self.view.last_at_s = max(self.view.last_at_s, line.at_s)
        for number in self._heard.take_interrupted():
            if (turn := self._turns.numbered(number)) is not None:
                turn.is_interrupted = True
                self._rows.touch(turn)
        return self._rows.take()

    def session(self, connection: int) -> SessionClock:
        """The session of a connection, as far as it is known."""
        session = self._sessions.get(connection)
        if session is None:
            session = self._sessions[connection] = SessionClock()
            if len(self._sessions) > _MAX_CONNECTIONS:
                del self._sessions[min(self._sessions)]
        return session

    def _frame(self, frame: Frame) -> None:
        self.read = read = self._reader.read(frame)
        self._count(read.name)
        if read.is_unknown:
            self.view.unknown += 1
        elif isinstance(read.event, RealtimeEvent):
            self._take(read.event, read.by, frame.at_s, self.session(frame.connection))

    def _take(self, event: RealtimeEvent, by: Literal["client", "server"], at_s: float, session: SessionClock) -> None:
        if by == "server":
            spoken_ms = self.view.model_audio_ms
            self._server.take(event, at_s, session)
            self._sequence.add(event, by, at_s, self.view.model_audio_ms - spoken_ms)
        else:
            spoken_ms = self.view.user_audio_ms
            self._client.take(event, at_s, session)
            self._sequence.add(event, by, at_s, self.view.user_audio_ms - spoken_ms)

    def _count(self, name: str) -> None:
        if name in self.view.events or len(self.view.events) < _MAX_TYPES:
            self.view.events[name] = self.view.events.get(name, 0) + 1

    def _noted(self, note: Note | UnknownNote, at_s: float) -> None:
        match note:
            case PlaybackNote(item_id=item_id, content_index=index, heard_ms=heard_ms, is_over=is_over):
                row = self._heard.noted((item_id, index), heard_ms, is_over, at_s)
                if row is not None:
                    self._server.first_heard(row)
            case ToolNote(name=name, call_id=call_id, step=step):
                self._tools.noted(name, call_id, step, at_s)
            case EngineNote(stage=stage, step=step):
                self._mark(at_s, "engine", f"{stage} {step}s")
            case FaultNote(name=name, detail=detail):
                self._mark(at_s, "fault", f"{name} {detail}".strip())
            case MarkNote(text=text):
                self._mark(at_s, "mark", text)
            case UnknownNote():
                pass  # a later version knows what it means

    def _closed(self, at_s: float, code: int, reason: str, by: str) -> None:
        text = f"by the {by}, code {code}" + (f": {reason}" if reason else "")
        self._mark(at_s, "closed", text)
        if code not in _AGREED:
            self._rows.add("errors", CallError(at_s=at_s, code=str(code), message=f"closed {text}"))

    def _mark(self, at_s: float, kind: MarkKind, text: str) -> None:
        self._rows.add("marks", CallMark(at_s=at_s, kind=kind, text=shortened(text)))

"""Folds the messages of a Realtime session."""

from __future__ import annotations

from typing import Final

from duologue.codec import decode
from duologue.dialects import DEFAULT_DIALECT, PROFILES
from duologue.events import InputAudioBufferAppendEvent, RealtimeEvent, ResponseAudioDeltaEvent
from duologue.inspection.client_events import ClientSide
from duologue.inspection.heard import HeardLane
from duologue.inspection.reading import FrameSound
from duologue.inspection.rows import Rows
from duologue.inspection.sequence import AnyFamilyEvent
from duologue.inspection.server_events import ServerSide
from duologue.inspection.session_in_force import SessionClock
from duologue.inspection.tools import ToolLane
from duologue.inspection.turns import TurnLane
from duologue.inspection.view import CallView
from duologue.recording import Frame, PlaybackNote, Side

__all__ = ["RealtimeMessages"]

_MAX_CONNECTIONS: Final = 4
"""Whose sessions are followed: two overlap while a conversation goes over to the next."""


class RealtimeMessages:
    """The messages of both sides."""

    def __init__(self, view: CallView, rows: Rows, tools: ToolLane, *, dialect: str | None) -> None:
        """`dialect` is that of the messages; None, or one that is not known: that of the hosted service."""
        self._dialect = dialect if dialect is not None and dialect in PROFILES else DEFAULT_DIALECT
        self._rows = rows
        self._turns = TurnLane(view, rows)
        self._heard = HeardLane(rows)
        self._server = ServerSide(view, rows, self._turns, self._heard, tools)
        self._client = ClientSide(view, self._turns, self._heard, tools, self._server)
        self._sessions: dict[int, SessionClock] = {}

    def read(self, message: str | bytes) -> RealtimeEvent:
        """The event that a message is. Raises DecodeError if it is no JSON object."""
        return decode(message, dialect=self._dialect)

    def take(self, event: AnyFamilyEvent, frame: Frame, *, from_server: bool) -> None:
        """Take a known event that `read` returned."""
        assert isinstance(event, RealtimeEvent)
        session = self.session(frame.connection)
        if from_server:
            self._server.take(event, frame.at_s, session)
        else:
            self._client.take(event, frame.at_s, session)

    def sound(self, event: AnyFamilyEvent, connection: int, *, by: Side) -> FrameSound | None:
        """The sound of an event that was taken."""
        settings = self.session(connection).settings
        match event:
            case InputAudioBufferAppendEvent(audio=audio) if by == "client":
                return FrameSound(base64=audio, encoding=settings.input)
            case ResponseAudioDeltaEvent(delta=audio) if by == "server":
                return FrameSound(base64=audio, encoding=settings.output)
            case _:
                return None

    def session(self, connection: int) -> SessionClock:
        """The session of a connection, as far as it is known."""
        session = self._sessions.get(connection)
        if session is None:
            session = self._sessions[connection] = SessionClock()
            if len(self._sessions) > _MAX_CONNECTIONS:
                del self._sessions[min(self._sessions)]
        return session

    def heard(self, note: PlaybackNote, at_s: float) -> None:
        """The player says what was heard."""
        row = self._heard.noted((note.item_id, note.content_index), note.heard_ms, note.is_over, at_s)
        if row is not None:
            self._server.first_heard(row)

    def restoring(self) -> None:
        """Another connection is open."""
        self._turns.restoring()

    def settle(self) -> None:
        """A line is taken: mark the turns whose answers it interrupted."""
        for number in self._heard.take_interrupted():
            if (turn := self._turns.numbered(number)) is not None:
                turn.is_interrupted = True
                self._rows.touch(turn)

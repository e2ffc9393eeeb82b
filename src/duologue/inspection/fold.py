"""Makes a `CallView` of a recording, line by line, while it is written or afterwards.

    fold = CallFold(recording.header)
    for line in recording.lines():
        for change in fold.push(line): …      # which rows are new, or have changed
    fold.view

Each family of sessions has a reader of its own: Realtime, Live, translation. Nothing of the audio is kept, and texts
and rows are bounded, so a call of any length can be folded.
"""

from __future__ import annotations

from typing import Final, Protocol

from duologue.codec.jsontext import parse_object
from duologue.codec.recognition import family_of
from duologue.errors import DecodeError
from duologue.events.base import UnknownFrame
from duologue.inspection.leg import LegLane
from duologue.inspection.reading import FrameSound, ReadEvent
from duologue.inspection.realtime import RealtimeMessages
from duologue.inspection.rows import Change, Rows, shortened
from duologue.inspection.sequence import AnyFamilyEvent, EventSequence
from duologue.inspection.tools import ToolLane
from duologue.inspection.view import CallError, CallMark, CallView, MarkKind
from duologue.recording import (
    ClosedLine,
    ConnectedLine,
    EngineNote,
    ExchangeLine,
    FaultNote,
    Frame,
    Header,
    LegLine,
    MarkNote,
    Note,
    PlaybackNote,
    RecordingLine,
    Side,
    ToolNote,
    UnknownLine,
    UnknownNote,
)

__all__ = ["CallFold"]

_MAX_TYPES: Final = 500
"""Of events that are counted apart: a server may make up any number of names."""

_AGREED: Final = frozenset({1000, 1001})
"""Close codes of a normal end: RFC 6455, section 7.4.1."""


class _Messages(Protocol):
    """The messages of one family."""

    def read(self, message: str | bytes) -> AnyFamilyEvent: ...
    def take(self, event: AnyFamilyEvent, frame: Frame, *, from_server: bool) -> None: ...
    def sound(self, event: AnyFamilyEvent, connection: int, *, by: Side) -> FrameSound | None: ...
    def heard(self, note: PlaybackNote, at_s: float) -> None: ...
    def restoring(self) -> None: ...
    def settle(self) -> None: ...


class CallFold:
    """Folds the lines of one recording. `view` is what they are so far.

    >>> from duologue import blocking
    >>> from duologue.recording import RecordingReader
    >>> with blocking.converse(url, record=folder / "talk.jsonl") as conversation:
    ...     answer = conversation.ask("Hello.")
    >>> with RecordingReader(folder / "talk.jsonl") as recording:
    ...     fold = CallFold(recording.header)
    ...     for line in recording:
    ...         changes = fold.push(line)
    >>> [(turn.number, turn.answer_text) for turn in fold.view.turns]
    [(1, 'Hello, this is a script.')]
    """

    def __init__(self, header: Header | None = None, *, dialect: str | None = None) -> None:
        """`dialect` is that of the frames; None: the header's, or else that of the hosted service."""
        self.read: ReadEvent | None = None
        """What the last line says, if it was a frame."""
        self._family = header.family if header is not None else None
        self._dialect = dialect or (header.dialect if header is not None else None)
        self.view: CallView = CallView(
            side=header.side if header is not None else "client", model=header.model if header is not None else None
        )
        self._server_is = "received" if self.view.side == "client" else "sent"
        self._rows = Rows(self.view)
        self._sequence = EventSequence(self.view.sequence)
        self._tools = ToolLane(self._rows)
        self._leg = LegLane(self._rows)
        self._known: _Messages | None = None

    def push(self, line: RecordingLine) -> list[Change]:
        """Take the next line; returns the rows that are new or have changed, in order, each once."""
        self.read = None
        match line:
            case Frame():
                self._frame(line)
            case ClosedLine(at_s=at_s, code=code, reason=reason, by=by):
                self._closed(at_s, code, reason, by)
            case ConnectedLine(at_s=at_s, url=url):
                if self._known is not None:
                    self._known.restoring()
                self._mark(at_s, "connected", url or "")
            case LegLine():
                self._leg.take(line)
            case UnknownLine() | ExchangeLine():
                return []
            case _:
                self._noted(line.note, line.at_s)
        if not isinstance(line, UnknownLine | ExchangeLine):
            self.view.last_at_s = max(self.view.last_at_s, line.at_s)
            self._leg.passes(line.at_s)
        if self._known is not None:
            self._known.settle()
        return self._rows.take()

    def _messages(self, frame: Frame) -> _Messages:
        """The reader of the family, which the header names, or else the first frame shows."""
        if self._known is None:
            family = self._family or _family_shown(frame.message)
            if family == "live":
                from duologue.inspection.live.session import LiveMessages  # at their first use, as all of Live

                self._known = LiveMessages(self.view, self._rows, self._tools, dialect=self._dialect)
            elif family == "translation":
                from duologue.inspection.translation import TranslationMessages

                self._known = TranslationMessages(self.view, self._rows)
            else:
                self._known = RealtimeMessages(self.view, self._rows, self._tools, dialect=self._dialect)
        return self._known

    def _frame(self, frame: Frame) -> None:
        messages = self._messages(frame)
        by: Side = "server" if frame.direction == self._server_is else "client"
        try:
            event = messages.read(frame.message)
        except DecodeError:
            self.read = ReadEvent(None, "(unreadable)", by)
            self._count(self.read.name)
            return
        if isinstance(event, UnknownFrame):
            self.read = ReadEvent(event, event.wire_type or "(no type)", by)
            self._count(self.read.name)
            self.view.unknown += 1
            return
        self._count(str(event.type))
        before_ms = self.view.model_audio_ms if by == "server" else self.view.user_audio_ms
        messages.take(event, frame, from_server=by == "server")
        after_ms = self.view.model_audio_ms if by == "server" else self.view.user_audio_ms
        self._sequence.add(event, by, frame.at_s, after_ms - before_ms)
        self.read = ReadEvent(event, str(event.type), by, messages.sound(event, frame.connection, by=by))

    def _count(self, name: str) -> None:
        if name in self.view.events or len(self.view.events) < _MAX_TYPES:
            self.view.events[name] = self.view.events.get(name, 0) + 1

    def _noted(self, note: Note | UnknownNote, at_s: float) -> None:
        match note:
            case PlaybackNote():
                if self._known is not None:
                    self._known.heard(note, at_s)
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


def _family_shown(message: str | bytes) -> str:
    try:
        return family_of([parse_object(message)])
    except DecodeError:
        return "realtime"

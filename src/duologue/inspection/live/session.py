"""Folds the messages of a Live session."""

from __future__ import annotations

from typing import Final

from duologue.audio.formats import PCM, Encoding
from duologue.codec import decode_live
from duologue.dialects import DEFAULT_LIVE_DIALECT, LIVE_PROFILES
from duologue.events import is_set
from duologue.events.live import (
    LiveCommentaryAppendEvent,
    LiveDelegationCreatedEvent,
    LiveErrorEvent,
    LiveEvent,
    LiveInputAudioAppendEvent,
    LiveInputTranscriptDeltaEvent,
    LiveOutputAudioDeltaEvent,
    LiveOutputTranscriptDeltaEvent,
    LiveResponseEvent,
    LiveResponseItemCreateEvent,
    LiveSessionClosedEvent,
    LiveSessionStartedEvent,
    LiveThinkingAppendEvent,
)
from duologue.inspection.input_clock import InputClock
from duologue.inspection.live.sound import SoundLane
from duologue.inspection.live.turns import SpokenTurns
from duologue.inspection.reading import FrameSound
from duologue.inspection.rows import Rows, shortened
from duologue.inspection.sequence import AnyFamilyEvent
from duologue.inspection.server_events import audio_ms
from duologue.inspection.tools import ToolLane
from duologue.inspection.view import CallError, CallMark, CallView
from duologue.protocol.live.client.notices import Speaker, TranscriptDelta
from duologue.protocol.live.client.session_format import session_encodings
from duologue.protocol.live.client.transcript import TranscriptGrouper
from duologue.protocol.live.client.utterances import Grouped
from duologue.recording import Frame, PlaybackNote, Side

__all__ = ["LiveMessages"]

_COMMANDS: Final = 1024
"""Of the client, by id: an error names one that it answers within a moment."""


class LiveMessages:
    """The messages of both sides."""

    def __init__(self, view: CallView, rows: Rows, tools: ToolLane, *, dialect: str | None) -> None:
        """`dialect` is that of the messages; None, or one that is not known: that of the hosted service."""
        self._dialect = dialect if dialect is not None and dialect in LIVE_PROFILES else DEFAULT_LIVE_DIALECT
        self._view = view
        self._rows = rows
        self._tools = tools
        self._sound = SoundLane(rows)
        self._turns = SpokenTurns(view, rows, self._sound)
        self._begin_session((PCM, PCM))
        self._commands: dict[str, str] = {}
        self._user_ms = self._model_ms = 0.0

    def _begin_session(self, encodings: tuple[Encoding, Encoding]) -> None:
        self._input, self._output = encodings
        self._clock = InputClock()
        self._grouper = TranscriptGrouper()
        self._came: list[tuple[Speaker, int, int, float]] = []
        """When words came that the grouper has not told yet: speaker, place, time."""
        self._output_ms = 0
        """Where the last piece of the model's sound ends, if the server tells places."""

    def read(self, message: str | bytes) -> LiveEvent:
        """The event that a message is. Raises DecodeError if it is no JSON object."""
        return decode_live(message, dialect=self._dialect)

    def take(self, event: AnyFamilyEvent, frame: Frame, *, from_server: bool) -> None:
        """Take a known event that `read` returned."""
        assert isinstance(event, LiveEvent)
        self._grouped(self._grouper.tick(frame.at_s))
        if from_server:
            self._from_server(event, frame.at_s)
        else:
            self._from_client(event, frame.at_s)

    def sound(self, event: AnyFamilyEvent, connection: int, *, by: Side) -> FrameSound | None:
        """The sound of an event that was taken."""
        match event:
            case LiveInputAudioAppendEvent(audio=audio) if by == "client":
                return FrameSound(base64=audio, encoding=self._input)
            case LiveOutputAudioDeltaEvent(delta=audio) if by == "server":
                return FrameSound(base64=audio, encoding=self._output, begin_s=self._sound.piece_s)
            case _:
                return None

    def heard(self, note: PlaybackNote, at_s: float) -> None:
        """The player says what was heard: it plays one track, whose parts have no ids."""

    def restoring(self) -> None:
        """Another connection is open: the time of its session begins anew with its first event."""

    def settle(self) -> None:
        """A line is taken."""

    def _from_client(self, event: LiveEvent, at_s: float) -> None:
        if is_set(event.event_id) and event.event_id is not None:
            self._commands[event.event_id] = str(event.type)
            if len(self._commands) > _COMMANDS:
                del self._commands[next(iter(self._commands))]
        match event:
            case LiveInputAudioAppendEvent(audio=audio):
                duration_ms = audio_ms(audio, self._input)
                self._clock.append(duration_ms, at_s)
                self._user_ms += duration_ms
                self._view.user_audio_ms = round(self._user_ms)
            case LiveCommentaryAppendEvent(delegation_id=str(delegation_id)):
                self._tools.answered(delegation_id, at_s)
            case LiveThinkingAppendEvent():
                pass  # how far the work is, and not its result
            case LiveResponseItemCreateEvent(item={"type": "function_call_output", "call_id": str(call_id)}):
                self._tools.answered(call_id, at_s)
            case _:
                pass  # nothing that a person hears or waits for

    def _from_server(self, event: LiveEvent, at_s: float) -> None:
        match event:
            case LiveOutputAudioDeltaEvent():
                self._sounds(event, at_s)
            case LiveInputTranscriptDeltaEvent(delta=delta, start_ms=start_ms, end_ms=end_ms):
                self._words("user", delta, start_ms, end_ms, at_s)
            case LiveOutputTranscriptDeltaEvent(delta=delta, start_ms=start_ms, end_ms=end_ms):
                self._words("assistant", delta, start_ms, end_ms, at_s)
            case LiveDelegationCreatedEvent(delegation=delegation):
                name = f"delegation to {delegation.target}"
                self._tools.asked(delegation.id, name, None, self._turns.number, at_s)
            case LiveResponseEvent() if (call := event.function_call) is not None:
                self._tools.asked(call.call_id, call.name, call.arguments, self._turns.number, at_s)
            case LiveErrorEvent():
                self._error(event, at_s)
            case LiveSessionStartedEvent(session=session):
                self._begin_session(session_encodings(session, (PCM, PCM)))
                self._view.session_id = session.id
                if is_set(session.model):
                    self._view.model = session.model
            case LiveSessionClosedEvent(reason=reason):
                text = shortened(f"the session is finished: {reason}")
                self._rows.add("marks", CallMark(at_s=at_s, kind="closed", text=text))
            case _:
                pass  # it repeats what others say

    def _words(self, speaker: Speaker, delta: str, start_ms: int, end_ms: int, at_s: float) -> None:
        if delta:
            self._came.append((speaker, start_ms, end_ms, at_s))
        self._grouped(self._grouper.add(speaker, delta, start_ms, end_ms, now=at_s))

    def _grouped(self, notices: list[Grouped]) -> None:
        """Words that are told apart by now; the grouper waits a moment for those of the same interval."""
        for notice in notices:
            if not isinstance(notice, TranscriptDelta):
                continue
            start_ms, end_ms = notice.start_ms, notice.end_ms
            piece = next(each for each in self._came if each[:3] == (notice.speaker, start_ms, end_ms))
            self._came.remove(piece)
            if notice.speaker == "user":
                self._turns.user_words(notice.utterance_id, notice.delta, start_ms, end_ms, piece[3], self._clock)
            else:
                self._turns.model_words(notice.utterance_id, notice.delta, piece[3])

    def _sounds(self, event: LiveOutputAudioDeltaEvent, at_s: float) -> None:
        duration_ms = audio_ms(event.delta, self._output)
        self._model_ms += duration_ms
        self._view.model_audio_ms = round(self._model_ms)
        gap_ms = 0
        if is_set(event.start_ms):
            gap_ms = max(0, event.start_ms - self._output_ms)
            self._output_ms = event.start_ms + round(duration_ms)
        for stretch in self._sound.push(event.delta, self._output, at_s, gap_ms=gap_ms):
            self._turns.sounded(stretch)

    def _error(self, event: LiveErrorEvent, at_s: float) -> None:
        error = event.error
        answered = error.client_event_id if is_set(error.client_event_id) else None
        self._rows.add(
            "errors",
            CallError(
                at_s=at_s,
                code=error.code if is_set(error.code) else None,
                message=shortened(error.message) if is_set(error.message) else "",
                answers=self._commands.get(answered) if answered is not None else None,
            ),
        )

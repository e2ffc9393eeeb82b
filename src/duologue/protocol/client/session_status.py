"""What the server last reported of the session itself, as far as interruptions and rotation depend on it."""

from __future__ import annotations

from duologue.events import (
    AnySession,
    InputAudioBufferCommittedEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    InputAudioTranscriptionCompletedEvent,
    OutputAudioBufferClearedEvent,
    OutputAudioBufferStartedEvent,
    OutputAudioBufferStoppedEvent,
    RealtimeSession,
    SemanticVad,
    ServerVad,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    TranscriptionSession,
    is_set,
)
from duologue.protocol.client.dispatch import EventContext, Part, on

__all__ = ["SessionStatus"]


class SessionStatus(Part):
    """One session at a time, over all connections."""

    def __init__(self) -> None:
        self.expires_at: int | None = None
        """When the server will end the session, in Unix seconds."""
        self.user_speaks: bool = False
        self.is_call: bool = False
        """Whether the server plays its speech itself, as over WebRTC and SIP, and so knows what was heard of it."""
        self.playing: str | None = None
        """The response whose speech it plays."""
        self._item_id = ""
        """The item of the user's latest turn."""
        self.interrupts: bool = True
        """Whether the server stops a response when the user begins to speak: `interrupt_response`."""

    @on(SessionCreatedEvent, SessionUpdatedEvent)
    def _session(self, event: SessionCreatedEvent | SessionUpdatedEvent, context: EventContext) -> None:
        session = event.session
        self.interrupts = _interrupts(session)
        if isinstance(session, RealtimeSession | TranscriptionSession) and is_set(session.expires_at):
            self.expires_at = session.expires_at

    @on(InputAudioBufferSpeechStartedEvent)
    def _speech_started(self, event: InputAudioBufferSpeechStartedEvent, context: EventContext) -> None:
        self.user_speaks, self._item_id = True, event.item_id

    @on(InputAudioTranscriptionCompletedEvent)
    def _transcribed(self, event: InputAudioTranscriptionCompletedEvent, context: EventContext) -> None:
        if event.item_id == self._item_id:  # the turn is over, though the events that say so are lost
            self.user_speaks = False

    @on(InputAudioBufferSpeechStoppedEvent, InputAudioBufferCommittedEvent)
    def _speech_stopped(
        self, event: InputAudioBufferSpeechStoppedEvent | InputAudioBufferCommittedEvent, context: EventContext
    ) -> None:
        self.user_speaks = False

    @property
    def is_quiet(self) -> bool:
        """Whether neither the user speaks nor the server plays speech."""
        return not self.user_speaks and self.playing is None

    @on(OutputAudioBufferStartedEvent)
    def _started(self, event: OutputAudioBufferStartedEvent, context: EventContext) -> None:
        self.is_call, self.playing = True, event.response_id

    @on(OutputAudioBufferStoppedEvent, OutputAudioBufferClearedEvent)
    def _stopped(
        self, event: OutputAudioBufferStoppedEvent | OutputAudioBufferClearedEvent, context: EventContext
    ) -> None:
        if event.response_id == self.playing:
            self.playing = None

    def lost(self) -> None:
        """The connection is lost, and with it the session and the user's turn."""
        self.expires_at = None
        self.user_speaks = False
        self.is_call, self.playing = False, None


def _interrupts(session: AnySession) -> bool:
    if not isinstance(session, RealtimeSession) or not is_set(session.audio) or not is_set(session.audio.input):
        return True
    detection = session.audio.input.turn_detection
    return not (isinstance(detection, ServerVad | SemanticVad) and detection.interrupt_response is False)

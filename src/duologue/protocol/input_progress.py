"""Whether everything that the user said has been told: committed, and transcribed where transcripts are asked for."""

from __future__ import annotations

from duologue.events import (
    AnySession,
    AudioConfig,
    AudioInputConfig,
    ErrorEvent,
    InputAudioBufferCommittedEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionFailedEvent,
    RealtimeEvent,
    RealtimeSession,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    TranscriptionSession,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    is_set,
)

__all__ = ["InputProgress", "detects_turns"]


class InputProgress:
    """The progress of one connection; `receive` takes the server's events in order."""

    def __init__(self) -> None:
        self.detects_turns: bool = True
        """Whether the server decides when the user's turn ends."""
        self.user_speaks: bool = False
        self._transcribes = False
        self._untranscribed: dict[str, None] = {}
        """Items whose transcript has not come, in order; bounded by what a conversation keeps."""
        self._committing: str | None = None

    @property
    def is_told(self) -> bool:
        """Whether nothing is waited for."""
        return self._committing is None and not self._untranscribed

    def committed_by_client(self, event_id: str) -> None:
        """The client has sent a commit with this id, and waits for its answer."""
        self._committing = event_id

    def receive(self, event: RealtimeEvent) -> None:
        """An event of the server."""
        match event:
            case SessionCreatedEvent() | SessionUpdatedEvent():
                self._transcribes = _transcribes(event.session)
                self.detects_turns = detects_turns(event.session)
                if isinstance(event, SessionCreatedEvent):
                    self._committing = None  # another connection
                    self._untranscribed.clear()
            case InputAudioBufferSpeechStartedEvent():
                self.user_speaks = True
            case InputAudioBufferCommittedEvent():
                self._committing, self.user_speaks = None, False
                if self._transcribes:
                    self._untranscribed[event.item_id] = None
            case InputAudioTranscriptionCompletedEvent() | InputAudioTranscriptionFailedEvent():
                self._untranscribed.pop(event.item_id, None)
            case ErrorEvent(error=error) if error.event_id in (self._committing, None) or not is_set(error.event_id):
                self._committing = None  # there was nothing left to commit
            case _:
                pass  # other events say nothing of the input


def detects_turns(session: AnySession | None) -> bool:
    """Whether the server of a session decides when the user's turn ends; so does one that has not told its session."""
    audio = getattr(session, "audio", None)
    heard = audio.input if isinstance(audio, AudioConfig | TranscriptionSessionAudio) else None
    if not isinstance(heard, AudioInputConfig | TranscriptionSessionAudioInput):
        return True
    return heard.turn_detection is not None


def _transcribes(session: AnySession) -> bool:
    match session:
        case TranscriptionSession():
            return True
        case RealtimeSession(audio=AudioConfig(input=AudioInputConfig(transcription=transcription))):
            return is_set(transcription)
        case _:
            return False

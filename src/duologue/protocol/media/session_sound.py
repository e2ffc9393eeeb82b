"""What a line must know of the session's settings: how its sound is encoded, and whether speech interrupts."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from duologue.audio.formats import PCM, Encoding
from duologue.codec import decode
from duologue.events import (
    AnyEvent,
    AnySession,
    RealtimeSession,
    ResponseCreatedEvent,
    SemanticVad,
    ServerVad,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    TranscriptionSessionCreatedEvent,
    TranscriptionSessionUpdatedEvent,
    UnknownSession,
    is_set,
)
from duologue.protocol.client.audio_formats import encoding_of_format, input_config, session_encodings

__all__ = ["SessionSound", "read_event", "response_encoding", "sound_of"]

_BETA: Final = "openai-beta"

_FLAT_SPEECH: Final = frozenset({"input_audio_format", "output_audio_format"})


_RATES_HZ: Final = range(8_000, 96_001)
"""From that of telephones to twice that of WebRTC. Speech at a few samples a second would be as many hours long."""


class SessionSound(Struct, frozen=True):
    """The settings."""

    input: Encoding = PCM
    output: Encoding = PCM
    interrupts: bool = True
    """Whether the user's speech stops what is played."""


def read_event(text: str) -> AnyEvent:
    """The event of a message of a server, which may be one of the beta. Raises DecodeError."""
    event = decode(text)
    match event:
        case SessionCreatedEvent(session=UnknownSession()) | SessionUpdatedEvent(session=UnknownSession()):
            return decode(text, dialect=_BETA)
        case TranscriptionSessionCreatedEvent() | TranscriptionSessionUpdatedEvent():
            return decode(text, dialect=_BETA)
        case ResponseCreatedEvent(response=response) if response.extra and not _FLAT_SPEECH.isdisjoint(response.extra):
            return decode(text, dialect=_BETA)
        case _:
            return event


def sound_of(session: AnySession, before: SessionSound) -> SessionSound:
    """The settings of a session; an encoding that is not known, or has an unusual rate, stays as it was."""
    if not isinstance(session, RealtimeSession):
        heard, _ = session_encodings(session)
        return SessionSound(_usable(heard) or before.input, before.output, interrupts=False)
    heard, spoken = session_encodings(session)
    return SessionSound(
        _usable(heard) or before.input, _usable(spoken) or before.output, interrupts=_interrupts(session)
    )


def _usable(encoding: Encoding | None) -> Encoding | None:
    return encoding if encoding is not None and encoding.rate_hz in _RATES_HZ else None


def _interrupts(session: RealtimeSession) -> bool:
    audio = input_config(session.audio)
    match audio.turn_detection if audio is not None else None:
        case ServerVad() | SemanticVad() as detection:
            return detection.interrupt_response is not False
        case None:
            return audio is None  # turned off, or not said
        case _:
            return True


def response_encoding(event: ResponseCreatedEvent) -> Encoding | None:
    """How the speech of a response is encoded; None where it does not say it."""
    audio = event.response.audio
    output = audio.output if is_set(audio) else None
    return _usable(encoding_of_format(output.format)) if is_set(output) and is_set(output.format) else None

"""The audio settings of a session that a talker needs, from current and beta sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.dialects import DEFAULT_DIALECT, PROFILES, Profile
from duologue.errors import AudioError
from duologue.events import (
    AnySession,
    AudioTranscription,
    RealtimeEvent,
    RealtimeSession,
    SemanticVad,
    ServerVad,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    TranscriptionSession,
    UnknownSession,
    is_set,
)

__all__ = ["SessionAudio"]

_SILENCE_MS: Final = 500
"""Silence that ends a turn if the session does not say: the default of server_vad.

https://platform.openai.com/docs/guides/realtime-vad
"""

_SEMANTIC_SILENCE_MS: Final = 8000
"""The longest wait of `semantic_vad`."""

_BETA_FORMATS: Final = {"pcm16": PCM, "g711_ulaw": PCMU, "g711_alaw": PCMA}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAudio:
    """Audio formats and turn settings; the defaults are for sessions that do not say."""

    input: Encoding = PCM
    output: Encoding = PCM
    silence_ms: int = _SILENCE_MS
    """Silence that ends a turn."""
    detects_turns: bool = True
    """Whether the server detects turns; else the client commits."""
    transcribes: bool = True
    """Whether a transcript of the user's speech may come."""

    @staticmethod
    def of(session: AnySession | None) -> SessionAudio:
        """The settings of this session."""
        match session:
            case RealtimeSession():
                return _of_realtime(session)
            case TranscriptionSession(audio=audio) if is_set(audio) and is_set(audio.input):
                return SessionAudio(
                    input=_encoding(audio.input.format), detects_turns=is_set(audio.input.turn_detection)
                )
            case UnknownSession():
                return _of_beta(session.json)
            case _:
                return SessionAudio()

    def after(self, event: RealtimeEvent, profile: Profile = PROFILES[DEFAULT_DIALECT]) -> SessionAudio:
        """The settings after this event of a server with this dialect."""
        if not isinstance(event, SessionCreatedEvent | SessionUpdatedEvent):
            return self
        told = SessionAudio.of(event.session)
        if profile.utterance.begin is None:
            return told
        # The client says when an utterance ends, and the session does not say its format.
        return replace(told, input=Encoding.of(PCM.type, profile.input_rates_hz[0]), detects_turns=False)


def _of_realtime(session: RealtimeSession) -> SessionAudio:
    audio = session.audio
    if not is_set(audio):
        return SessionAudio()
    output = _encoding(audio.output.format) if is_set(audio.output) else PCM
    if not is_set(audio.input):
        return SessionAudio(output=output)
    detection = audio.input.turn_detection
    match detection:
        case ServerVad(silence_duration_ms=int(silence_ms)):
            pass
        case SemanticVad():
            silence_ms = _SEMANTIC_SILENCE_MS
        case _:
            silence_ms = _SILENCE_MS
    return SessionAudio(
        input=_encoding(audio.input.format),
        output=output,
        silence_ms=silence_ms,
        detects_turns=detection is not None,
        transcribes=isinstance(audio.input.transcription, AudioTranscription),
    )


def _of_beta(session: Mapping[str, Any]) -> SessionAudio:
    detection = session.get("turn_detection", {})
    silence_ms = detection.get("silence_duration_ms") if isinstance(detection, Mapping) else None
    return SessionAudio(
        input=_BETA_FORMATS.get(str(session.get("input_audio_format")), PCM),
        output=_BETA_FORMATS.get(str(session.get("output_audio_format")), PCM),
        silence_ms=silence_ms if isinstance(silence_ms, int) else _SILENCE_MS,
        detects_turns=detection is not None,
        transcribes=session.get("input_audio_transcription", True) is not None,
    )


def _encoding(wire: object) -> Encoding:
    """The encoding of a wire format; PCM for none and for an unknown one."""
    name, rate_hz = getattr(wire, "type", None), getattr(wire, "rate", None)
    if not isinstance(name, str):
        return PCM
    try:
        return Encoding.of(name, rate_hz if isinstance(rate_hz, int) else None)
    except AudioError:
        return PCM

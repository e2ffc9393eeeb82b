"""Settings that are right each for itself, and refused together by the hosted service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET

from duologue.events import (
    AudioConfig,
    AudioInputConfig,
    AudioTranscription,
    RealtimeSessionConfig,
    SessionUpdateEvent,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    TranscriptionSessionConfig,
    is_set,
)
from duologue.protocol.model_kinds import MANUAL_MODELS, UNSUPPORTED, kind_of_model
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.session import Session

__all__ = ["combination_faults", "detects_turns_by_default", "sets_detection"]

_INPUT: Final = "session.audio.input"


def combination_faults(event: SessionUpdateEvent, session: Session, *, detection_set: bool) -> Iterator[InvalidRequest]:
    """The faults of an update together with what is in force.

    `detection_set`: the client has set turn detection before, so that it is no default that a model may switch off.
    """
    config = event.session
    if not isinstance(config, RealtimeSessionConfig | TranscriptionSessionConfig):
        return
    own = _input_of(event)
    named = own.transcription if own is not None and is_set(own.transcription) else None
    if isinstance(config, TranscriptionSessionConfig):
        yield from _of_transcription_session(own, session, detection_set=detection_set)
    if isinstance(named, AudioTranscription):
        yield from _of_transcription(named, session)


def _input_of(event: SessionUpdateEvent) -> AudioInputConfig | TranscriptionSessionAudioInput | None:
    audio = getattr(event.session, "audio", None)
    own = audio.input if isinstance(audio, AudioConfig | TranscriptionSessionAudio) else None
    return own if isinstance(own, AudioInputConfig | TranscriptionSessionAudioInput) else None


def _of_transcription_session(
    own: AudioInputConfig | TranscriptionSessionAudioInput | None, session: Session, *, detection_set: bool
) -> Iterator[InvalidRequest]:
    named = own.transcription if own is not None and is_set(own.transcription) else None
    model = _model(named) or _model(session.transcription)
    if kind_of_model(_model(named)) == "realtime":
        yield InvalidRequest("not_for_transcription", model=model)
    detection = own.turn_detection if own is not None else UNSET
    in_force = detection is UNSET and detection_set and session.turn_settings is not None
    if (in_force or is_set(detection)) and MANUAL_MODELS.fullmatch(model):
        yield InvalidRequest("detection_unsupported", param=f"{_INPUT}.turn_detection")


def _of_transcription(named: AudioTranscription, session: Session) -> Iterator[InvalidRequest]:
    model = _model(named) or _model(session.transcription)
    for name, models in UNSUPPORTED.items():
        value = getattr(named, name)
        if is_set(value) and value not in (None, "", []) and models.fullmatch(model):
            yield InvalidRequest("transcription_setting", param=f"{_INPUT}.transcription.{name}", setting=name)


def detects_turns_by_default(session: Session) -> bool:
    """Whether turn detection that no client has set suits the transcription model."""
    return session.kind == "realtime" or MANUAL_MODELS.fullmatch(_model(session.transcription)) is None


def _model(transcription: AudioTranscription | None) -> str:
    model = transcription.model if transcription is not None else None
    return model if isinstance(model, str) else ""


def sets_detection(event: SessionUpdateEvent) -> bool:
    """Whether an update sets turn detection, to whatever."""
    own = _input_of(event)
    return own is not None and own.turn_detection is not UNSET

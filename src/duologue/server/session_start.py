"""The start of a session: the server's defaults, the handshake's parameters, and a client secret's configuration."""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Struct

from duologue.codec import encode
from duologue.dialects import DEFAULT_DIALECT, PROFILES, Profile
from duologue.events import (
    AnySession,
    AudioTranscription,
    ErrorEvent,
    RealtimeError,
    RealtimeSessionConfig,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    TranscriptionSessionConfig,
)
from duologue.protocol import ServerProtocol, SessionDefaults, SessionKind
from duologue.protocol.model_kinds import kind_of_model
from duologue.protocol.server.errors import InvalidRequest
from duologue.server.ids import new_id

__all__ = [
    "STRICT_DIALECTS",
    "ConfigRejected",
    "LiveRequest",
    "SessionStart",
    "session_defaults",
    "session_start_for",
    "upstream_session_start",
    "validate_config",
]


STRICT_DIALECTS: Final = frozenset({"openai", "openai-beta", "azure-preview"})
"""Dialects of the hosted service, in which combinations that it refuses are refused."""


class SessionStart(Struct, frozen=True, kw_only=True):
    """The parameters with which one session starts."""

    model: str | None = None
    """None: the server's default."""
    kind: SessionKind = "realtime"
    translates: bool = False
    """A translation session, which has a path, events and client secrets of its own."""
    dialect: str = DEFAULT_DIALECT
    """The dialect of the client's and the server's messages."""
    message: str | None = None
    """A `session.update` that is applied before `session.created`."""


class LiveRequest(Struct, frozen=True, kw_only=True):
    """What a client of a Live path wants: a new session, or one that the path names."""

    verb: Literal["start", "attach", "fork"] = "start"
    session_id: str = ""
    """The open session to attach a sideband to, or the stored one to fork."""
    graceful_close: bool = False
    """Whether a sideband asks for a close frame at the session's end."""


class ConfigRejected(Exception):
    """A session would reject the configuration, with this `error`."""

    def __init__(self, error: RealtimeError) -> None:
        super().__init__(error.message)
        self.error = error


def session_defaults(defaults: SessionDefaults, session_start: SessionStart) -> SessionDefaults:
    """The defaults of this session."""
    profile = PROFILES[session_start.dialect]
    return msgspec.structs.replace(
        defaults,
        model=session_start.model or defaults.model,
        input_rates_hz=profile.input_rates_hz or defaults.input_rates_hz,
        output_rates_hz=profile.output_rates_hz or defaults.output_rates_hz,
    )


def session_start_for(update: SessionUpdateEvent) -> SessionStart:
    """The start of a session with this configuration, which is not validated."""
    config = update.session
    return SessionStart(
        model=config.model if isinstance(config, RealtimeSessionConfig) and isinstance(config.model, str) else None,
        kind="transcription" if isinstance(config, TranscriptionSessionConfig) else "realtime",
        message=encode(update).decode("utf-8"),
    )


def upstream_session_start(session_start: SessionStart, profile: Profile) -> SessionStart:
    """The start of a relayed session, for an upstream of this dialect.

    Where the URL must not name the model of a session that only transcribes, a `session.update` names it.
    """
    model, names_intent = session_start.model, profile.intent and not profile.intent_takes_model
    if session_start.kind != "transcription" or session_start.message is not None or model is None or not names_intent:
        return session_start
    audio_input = TranscriptionSessionAudioInput(transcription=AudioTranscription(model=model))
    config = TranscriptionSessionConfig(audio=TranscriptionSessionAudio(input=audio_input))
    return msgspec.structs.replace(session_start, message=encode(SessionUpdateEvent(session=config)).decode("utf-8"))


def validate_config(update: SessionUpdateEvent, defaults: SessionDefaults) -> tuple[SessionStart, AnySession]:
    """The start of a session with this configuration, and the session object that `session.created` will have.

    Raises:
        ConfigRejected: a session would reject the configuration.
    """
    session_start = session_start_for(update)
    model = session_start.model
    if not defaults.lenient and model is not None and kind_of_model(model) not in (None, "realtime"):
        invalid = InvalidRequest("not_for_realtime", param="session.model", model=model)
        raise ConfigRejected(invalid.event(new_id("event"), answers=None).error)
    settings = session_defaults(defaults, session_start)
    protocol = ServerProtocol(settings, new_id=new_id, now=0.0, started_at=0.0, kind=session_start.kind)
    assert session_start.message is not None
    protocol.receive_text(session_start.message, now=0.0)
    for event in protocol.take_events():
        if isinstance(event, ErrorEvent):
            raise ConfigRejected(event.error)
        if isinstance(event, SessionUpdatedEvent):
            return session_start, event.session
    raise AssertionError("a session.update is answered")

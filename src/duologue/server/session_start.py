"""What a session begins with: the server's defaults, what the handshake asks for, and what a client secret brings."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from duologue.codec import encode
from duologue.dialects import DEFAULT_DIALECT, PROFILES
from duologue.events import (
    AnySession,
    ErrorEvent,
    RealtimeError,
    RealtimeSessionConfig,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    TranscriptionSessionConfig,
)
from duologue.protocol import ServerProtocol, SessionDefaults, SessionKind
from duologue.server.ids import new_id

__all__ = ["ConfigRefused", "SessionStart", "session_defaults", "session_start_for", "validate_config"]


class SessionStart(Struct, frozen=True, kw_only=True):
    """How one session begins."""

    model: str | None = None
    """None: the server's default."""
    kind: SessionKind = "realtime"
    dialect: str = DEFAULT_DIALECT
    """What the client speaks, and is answered in."""
    message: str | None = None
    """A `session.update` that is carried out before the session is announced."""


class ConfigRefused(Exception):
    """A configuration that no session can have; `error` is what a session would answer to it."""

    def __init__(self, error: RealtimeError) -> None:
        super().__init__(error.message)
        self.error = error


def session_defaults(defaults: SessionDefaults, opening: SessionStart) -> SessionDefaults:
    """The server's defaults as this session has them."""
    profile = PROFILES[opening.dialect]
    return msgspec.structs.replace(
        defaults,
        model=opening.model or defaults.model,
        input_rates_hz=profile.input_rates_hz or defaults.input_rates_hz,
        output_rates_hz=profile.output_rates_hz or defaults.output_rates_hz,
    )


def session_start_for(update: SessionUpdateEvent) -> SessionStart:
    """The opening of a session that is configured so, if whoever holds it takes the configuration."""
    config = update.session
    return SessionStart(
        model=config.model if isinstance(config, RealtimeSessionConfig) and isinstance(config.model, str) else None,
        kind="transcription" if isinstance(config, TranscriptionSessionConfig) else "realtime",
        message=encode(update).decode("utf-8"),
    )


def validate_config(update: SessionUpdateEvent, defaults: SessionDefaults) -> tuple[SessionStart, AnySession]:
    """The opening of a session that is configured so, and how such a session announces itself.

    Raises:
        ConfigRefused: a session would refuse the configuration.
    """
    opening = session_start_for(update)
    settings = session_defaults(defaults, opening)
    protocol = ServerProtocol(settings, new_id=new_id, now=0.0, started_at=0.0, kind=opening.kind)
    assert opening.message is not None
    protocol.receive_text(opening.message, now=0.0)
    for event in protocol.take_events():
        if isinstance(event, ErrorEvent):
            raise ConfigRefused(event.error)
        if isinstance(event, SessionUpdatedEvent):
            return opening, event.session
    raise AssertionError("a session.update is answered")

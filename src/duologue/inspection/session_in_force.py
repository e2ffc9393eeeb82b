"""The settings of the session that the figures depend on, as the server last confirmed them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from duologue.audio.formats import PCM, Encoding
from duologue.events import AnySession, RealtimeSession, SemanticVad, ServerVad, UnknownVariant
from duologue.inspection.input_clock import InputClock
from duologue.protocol.client.audio_formats import input_config, session_encodings

__all__ = ["SessionClock", "SessionInForce"]

_SILENCE_MS: Final = 500
"""Of `server_vad` where the session does not say it: https://platform.openai.com/docs/guides/realtime-vad"""


class SessionInForce(Struct, frozen=True, kw_only=True):
    """A session; what it does not say is what the protocol has then."""

    input: Encoding = PCM
    output: Encoding = PCM
    detection: Literal["server_vad", "semantic_vad"] | None = "server_vad"
    """None: the client commits."""
    silence_ms: int = _SILENCE_MS
    interrupts: bool = True

    @staticmethod
    def of(session: AnySession) -> SessionInForce:
        """The settings of a session."""
        if isinstance(session, UnknownVariant):
            return _of_beta(session.json)
        wire_in, wire_out = session_encodings(session)
        told = SessionInForce(input=wire_in or PCM, output=wire_out or PCM)
        config = input_config(session.audio)
        if config is None or not hasattr(config, "turn_detection"):
            return told
        match config.turn_detection:
            case ServerVad(silence_duration_ms=silence_ms, interrupt_response=interrupts):
                return replace(
                    told,
                    silence_ms=silence_ms if isinstance(silence_ms, int) else _SILENCE_MS,
                    interrupts=interrupts is not False and isinstance(session, RealtimeSession),
                )
            case SemanticVad(interrupt_response=interrupts):
                return replace(told, detection="semantic_vad", silence_ms=0, interrupts=interrupts is not False)
            case None:
                return replace(told, detection=None, interrupts=False)
            case _:
                return told


def _of_beta(session: Mapping[str, Any]) -> SessionInForce:
    found = session.get("turn_detection", {})
    if found is None:
        return SessionInForce(detection=None, interrupts=False)
    silence_ms = found.get("silence_duration_ms") if isinstance(found, Mapping) else None
    return SessionInForce(silence_ms=silence_ms if isinstance(silence_ms, int) else _SILENCE_MS)


class SessionClock:
    """One connection's session: its settings now, and when its audio was spoken."""

    def __init__(self) -> None:
        self.settings: SessionInForce = SessionInForce()
        self.clock: InputClock = InputClock()

    def use(self, session: AnySession) -> None:
        """The server has told the session."""
        self.settings = SessionInForce.of(session)

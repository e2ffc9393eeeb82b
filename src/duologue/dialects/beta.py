"""The shape that the hosted service spoke from October 2024 to May 2026, and that many still speak.

Six event names, a flat session, and flat settings in responses. Profiles take from here what their vendor kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from duologue.dialects.names import CANONICAL
from duologue.dialects.omissions import ITEM_EVENTS, absent, incomplete_items, merged
from duologue.dialects.places import Json
from duologue.dialects.profile import Profile
from duologue.dialects.rules import Default, DialectRule, Lacks, Move, Respell, Values
from duologue.dialects.wrapping import Format

__all__ = [
    "AUDIO_FORMATS",
    "GA_ONLY_EVENTS",
    "MODALITIES",
    "NAMES",
    "PROFILES",
    "SessionKind",
    "flat_rules",
    "item_rules",
]

AUDIO_FORMATS: Final[Values] = (
    ("pcm16", {"type": "audio/pcm", "rate": 24000}),
    ("pcm16", {"type": "audio/pcm"}),
    ("g711_ulaw", {"type": "audio/pcmu"}),
    ("g711_alaw", {"type": "audio/pcma"}),
)

MODALITIES: Final[Values] = (
    # Beta asks for text and audio where GA asks for audio alone; both mean the same.
    (["text", "audio"], ["audio"]),
    (["audio", "text"], ["audio"]),
)

_TRANSCRIPTION: Final = {
    "session.created": "transcription_session.created",
    "session.updated": "transcription_session.updated",
    "session.update": "transcription_session.update",
}
"""Sessions that only transcribe had events of their own."""

_PLAYING: Final = {
    "output_audio_buffer.audio_started": "output_audio_buffer.started",
    "output_audio_buffer.audio_stopped": "output_audio_buffer.stopped",
    "output_audio_buffer.audio_cleared": "output_audio_buffer.cleared",
}
"""Over WebRTC, in January 2025 alone."""

NAMES: Final[dict[str, str]] = {
    **CANONICAL,
    **{name: name for name in _TRANSCRIPTION},
    **{theirs: ours for ours, theirs in _TRANSCRIPTION.items()},
    **{name: name for name in _PLAYING.values()},
    **_PLAYING,
}

GA_ONLY_EVENTS: Final = frozenset(
    {
        # These two were one, `conversation.item.created`: see `itemstream`.
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.segment",
        "input_audio_buffer.dtmf_event_received",
        "input_audio_buffer.timeout_triggered",
        "mcp_list_tools.completed",
        "mcp_list_tools.failed",
        "mcp_list_tools.in_progress",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
        "response.mcp_call.in_progress",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
    }
)


class SessionKind(Struct, frozen=True):
    """A session does not say its kind; one that only transcribes is known by the name of its events."""

    transcription: Mapping[str, str]
    """Canonical event to the name of its twin for transcription."""
    usual: str = "realtime"

    def read(self, frame: Json) -> None:
        session = frame.get("session")
        if isinstance(session, dict) and "type" not in session:
            transcribes = frame.get("type") in self.transcription.values()
            session["type"] = "transcription" if transcribes else self.usual

    def write(self, frame: Json, lost: list[str]) -> None:
        session = frame.get("session")
        if not isinstance(session, dict):
            return
        kind = session.get("type")
        if kind == "transcription" and frame.get("type") in self.transcription:
            frame["type"] = self.transcription[frame["type"]]
            del session["type"]
        elif kind == self.usual:
            del session["type"]


def _flat_settings(at: str, output: Values, modalities: Values) -> tuple[DialectRule, ...]:
    """What a session and a response have in common."""
    return (
        Move(at, "modalities", "output_modalities", modalities),
        Move(at, "voice", "audio.output.voice"),
        Format(at, "output_audio_format", "audio.output.format", output),
    )


def item_rules(at: str) -> tuple[DialectRule, ...]:
    """Parts of assistant items, which beta spells as the parts of responses."""
    return (Respell(f"{at}.content[]", "type", {"text": "output_text", "audio": "output_audio"}),)


def flat_rules(
    *,
    input_formats: Values = AUDIO_FORMATS,
    output_formats: Values = AUDIO_FORMATS,
    modalities: Values = MODALITIES,
    turn_detection: Values = (),
    lacks: tuple[str, ...] = ("truncation", "prompt", "include", "reasoning", "parallel_tool_calls"),
    transcription: bool = False,
) -> dict[str, tuple[DialectRule, ...]]:
    """The rules of the flat era by event, with what a vendor has made of the formats and settings.

    `transcription` goes with `NAMES`: sessions that only transcribe have events of their own.
    """
    session: tuple[DialectRule, ...] = (
        SessionKind(_TRANSCRIPTION if transcription else {}),
        # Written last, so that only what has not found its flat place is left to be reported.
        Lacks("session", ("audio", *lacks)),
        *_flat_settings("session", output_formats, modalities),
        Move("session", "max_response_output_tokens", "max_output_tokens"),
        Move("session", "speed", "audio.output.speed"),
        Format("session", "input_audio_format", "audio.input.format", input_formats),
        Move("session", "input_audio_transcription", "audio.input.transcription"),
        Move("session", "input_audio_noise_reduction", "audio.input.noise_reduction"),
        Move("session", "turn_detection", "audio.input.turn_detection", turn_detection),
    )
    announced: tuple[DialectRule, ...] = (
        *session,
        Default("session[type=realtime]", "object", "realtime.session", always_written=True),
        Default("session[type=transcription]", "object", "realtime.transcription_session", always_written=True),
        Default("session", "id", ""),
    )
    response: tuple[DialectRule, ...] = (
        Lacks("response", ("audio",)),
        *_flat_settings("response", output_formats, modalities),
        *item_rules("response.output[]"),
    )
    theirs: dict[str, tuple[DialectRule, ...]] = {
        "session.created": announced,
        "session.updated": announced,
        "session.update": session,
        "response.created": response,
        "response.done": response,
        "response.create": (
            Lacks("response", ("audio", *lacks)),
            *_flat_settings("response", output_formats, modalities),
            Move("response", "max_response_output_tokens", "max_output_tokens"),
            *item_rules("response.input[]"),
        ),
        **{name: item_rules("item") for name in ITEM_EVENTS},
    }
    return merged(incomplete_items(), theirs)


_NEVER_SENT: Final[dict[str, tuple[DialectRule, ...]]] = merged(
    # Not sent before 2025, and by few others since.
    absent("usage", events=("conversation.item.input_audio_transcription.completed",)),
    absent("name", events=("response.function_call_arguments.done",)),
    absent("response_id", events=_PLAYING.values()),
)

PROFILES: Final = (
    Profile(
        name="openai-beta",
        title="OpenAI Realtime, beta",
        intent=True,
        names=NAMES,
        # Late servers also sent `prompt` and `include`; no server is known to have accepted them.
        rules=merged(
            flat_rules(lacks=("truncation", "reasoning", "parallel_tool_calls"), transcription=True), _NEVER_SENT
        ),
        lacks_events=GA_ONLY_EVENTS,
        auth=("bearer", "subprotocol"),
        session_minutes=30,
        notes="Rejected by the hosted service since May 2026; lives on in recordings and in compatible servers.",
    ),
)

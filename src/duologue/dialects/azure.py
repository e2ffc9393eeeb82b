"""Azure's two dialects: the dated endpoint of Azure OpenAI, and Voice Live."""

from __future__ import annotations

from typing import Any, Final

from duologue.dialects.beta import GA_ONLY_EVENTS, NAMES, flat_rules
from duologue.dialects.names import CANONICAL
from duologue.dialects.omissions import absent, merged
from duologue.dialects.profile import Profile
from duologue.dialects.rules import Default, DialectRule, Move
from duologue.dialects.wrapping import Unwrap

__all__ = ["PROFILES"]

_COMPLETED: Final = "conversation.item.input_audio_transcription.completed"

_OPENAI_VOICE: Final = {"type": "openai"}

_NATIVE_FORMATS: Final[tuple[tuple[Any, Any], ...]] = (
    # The rate of the input is a setting of its own.
    ("pcm16", {"type": "audio/pcm"}),
    ("g711_ulaw", {"type": "audio/pcmu"}),
    ("g711_alaw", {"type": "audio/pcma"}),
)

_SPOKEN_FORMATS: Final[tuple[tuple[Any, Any], ...]] = (
    ("pcm16", {"type": "audio/pcm", "rate": 24000}),
    ("pcm16", {"type": "audio/pcm"}),
    # Documents and packages write these two with an underscore; a hyphen has been seen in prose.
    ("pcm16_16000hz", {"type": "audio/pcm", "rate": 16000}),
    ("pcm16_8000hz", {"type": "audio/pcm", "rate": 8000}),
    ("g711_ulaw", {"type": "audio/pcmu"}),
    ("g711_alaw", {"type": "audio/pcma"}),
)

_NO_TURN_DETECTION: Final[tuple[tuple[Any, Any], ...]] = (
    # Both are documented, and its own client of the time sent the second.
    (None, None),
    ({"type": "none"}, None),
)

_VOICE_LIVE_SESSION: Final[tuple[DialectRule, ...]] = (
    Move("session", "input_audio_sampling_rate", "audio.input.format.rate"),
    Default("session.audio.input.format[type=audio/pcm]", "rate", 24000),
    Unwrap("session.audio.output", "voice", "name", _OPENAI_VOICE),
)
_VOICE_LIVE_RESPONSE: Final[tuple[DialectRule, ...]] = (
    Unwrap("response.audio.output", "voice", "name", _OPENAI_VOICE),
)

PROFILES: Final = (
    Profile(
        name="azure-preview",
        title="Azure OpenAI, dated versions",
        intent=True,
        names=NAMES,
        rules=merged(
            # It rejects `type`, `output_modalities` and `audio` by name. Whether it took `tracing` is not known.
            flat_rules(transcription=True, turn_detection=_NO_TURN_DETECTION),
            absent("usage", events=(_COMPLETED,)),
            absent("name", events=("response.function_call_arguments.done",)),
        ),
        lacks_events=GA_ONLY_EVENTS,
        auth=("api-key", "bearer"),
        hosts=("openai.azure.com", "cognitiveservices.azure.com"),
        path="/openai/realtime",
        notes="Its models are deployments. Deprecated since 2026-04-30; the v1 path speaks `openai`.",
    ),
    Profile(
        name="azure-voice-live",
        title="Azure Voice Live",
        names=CANONICAL,
        rules=merged(
            flat_rules(
                input_formats=_NATIVE_FORMATS,
                output_formats=_SPOKEN_FORMATS,
                turn_detection=_NO_TURN_DETECTION,
                # `truncation_strategy` is another thing than `truncation`; what it takes is not documented.
                lacks=("truncation", "prompt", "tracing", "reasoning"),
            ),
            dict.fromkeys(("session.created", "session.updated", "session.update"), _VOICE_LIVE_SESSION),
            dict.fromkeys(("response.created", "response.done", "response.create"), _VOICE_LIVE_RESPONSE),
            absent("usage", events=(_COMPLETED,)),
        ),
        # One `conversation.item.done` has been seen, for an item of the user's speech.
        lacks_events=frozenset(
            {
                "conversation.item.added",
                "conversation.item.input_audio_transcription.segment",
                "input_audio_buffer.dtmf_event_received",
                "transcription_session.update",
            }
        ),
        # The first three are documented, the others taken as well: their package has a number there.
        input_rates_hz=(24_000, 16_000, 8_000, 22_050, 32_000, 44_100, 48_000),
        output_rates_hz=(24_000, 16_000, 8_000),
        auth=("api-key", "bearer"),
        hosts=("cognitiveservices.azure.com", "services.ai.azure.com"),
        path="/voice-live/realtime",
        notes="Voices of Azure's own stay objects. How long a session lasts is not documented.",
    ),
)

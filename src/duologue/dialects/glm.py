"""Zhipu's GLM-Realtime and StepFun's Step-Audio."""

from __future__ import annotations

from typing import Any, Final

from duologue.dialects.beta import GA_ONLY_EVENTS, flat_rules
from duologue.dialects.names import CANONICAL
from duologue.dialects.omissions import absent, merged
from duologue.dialects.profile import Profile
from duologue.dialects.rules import Default, DialectRule, Move

__all__ = ["PROFILES"]

_HEARD: Final[tuple[tuple[Any, Any], ...]] = (
    ("pcm24", {"type": "audio/pcm", "rate": 24000}),
    ("pcm24", {"type": "audio/pcm"}),
    ("pcm16", {"type": "audio/pcm", "rate": 16000}),
    ("wav", {"type": "audio/wav"}),
    ("wav48", {"type": "audio/wav", "rate": 48000}),
)

_SPOKEN: Final[tuple[tuple[Any, Any], ...]] = (
    ("pcm", {"type": "audio/pcm", "rate": 24000}),
    ("pcm", {"type": "audio/pcm"}),
    # Both are in their older pages and in none of the newer ones.
    ("mp3", {"type": "audio/mpeg"}),
    ("wav", {"type": "audio/wav"}),
)

_CLIENT_VAD: Final[tuple[tuple[Any, Any], ...]] = (({"type": "client_vad"}, None),)
"""The client ends its turns itself, which is what null says."""

_ABSENT: Final = (
    "event_id",
    "response_id",
    "item_id",
    "call_id",
    "name",
    "output_index",
    "content_index",
    "audio_start_ms",
    "audio_end_ms",
    "usage",
)
"""Their pages leave out ids and indices here and there; streams do not say their item, turns not their time."""

_STEP_LENGTH: Final[tuple[DialectRule, ...]] = (
    # Named so by their package; their pages have no limit at all.
    Move("session", "max_response_output_length", "max_output_tokens"),
)

PROFILES: Final = (
    Profile(
        name="glm",
        title="Zhipu GLM-Realtime",
        names=CANONICAL,
        rules=merged(
            flat_rules(
                input_formats=_HEARD,
                output_formats=_SPOKEN,
                turn_detection=_CLIENT_VAD,
                lacks=("truncation", "prompt", "tracing", "include", "reasoning", "parallel_tool_calls"),
            ),
            {"error": (Default("error", "type", ""),)},
            absent(*_ABSENT),
        ),
        heartbeats=frozenset({"heartbeat"}),
        lacks_events=GA_ONLY_EVENTS
        | {"conversation.item.truncate", "output_audio_buffer.clear", "transcription_session.update"},
        input_rates_hz=(16_000, 24_000, 48_000),
        auth=("bearer", "jwt"),
        hosts=("open.bigmodel.cn",),
        path="/api/paas/v4/realtime",
        notes=(
            "Known from its pages alone. Audio goes in as WAV, each chunk with its header, unless `pcm16` or `pcm24` "
            "is set. Whether a session may leave out `beta_fields` is not said; events come in any order."
        ),
    ),
    Profile(
        name="stepfun",
        title="StepFun Step-Audio",
        names=CANONICAL,
        rules=merged(
            flat_rules(lacks=("truncation", "prompt", "tracing", "include", "reasoning", "parallel_tool_calls")),
            # Behind the usual name, and so the one that is written.
            dict.fromkeys(("session.created", "session.updated", "session.update"), _STEP_LENGTH),
            absent(*_ABSENT),
        ),
        lacks_events=GA_ONLY_EVENTS
        | {
            "conversation.item.retrieve",
            "conversation.item.truncate",
            "output_audio_buffer.clear",
            "transcription_session.update",
        },
        hosts=("api.stepfun.com", "api.stepfun.ai"),
        notes="Known from its pages and its package alone; both modalities are fixed. Has tools of its own.",
    ),
)

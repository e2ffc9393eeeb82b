"""Alibaba's Qwen-Omni, Qwen-Audio and live translation, over DashScope."""

from __future__ import annotations

from typing import Any, Final

from duologue.dialects.beta import GA_ONLY_EVENTS, flat_rules
from duologue.dialects.names import CANONICAL
from duologue.dialects.omissions import absent, merged
from duologue.dialects.profile import Profile
from duologue.dialects.rules import DialectRule, Move, Rename, Respell
from duologue.dialects.utterance import UtteranceProfile

__all__ = ["PROFILES"]

_HEARD: Final[tuple[tuple[Any, Any], ...]] = (
    ("pcm", {"type": "audio/pcm", "rate": 16000}),
    # The older name of the same; it says the width of a sample.
    ("pcm16", {"type": "audio/pcm", "rate": 16000}),
)

_SPOKEN: Final[tuple[tuple[Any, Any], ...]] = (
    ("pcm", {"type": "audio/pcm", "rate": 24000}),
    ("pcm", {"type": "audio/pcm"}),
    # The older names: this one says the rate, and the first model of the family spoke `pcm16`, at a rate
    # that its pages do not say; the examples there play it at 24 kHz.
    ("pcm24", {"type": "audio/pcm", "rate": 24000}),
    ("pcm16", {"type": "audio/pcm", "rate": 24000}),
)

_NESTED: Final[tuple[DialectRule, ...]] = tuple(
    # Qwen-Audio nests the formats as GA does, with words of its own. That it takes the flat ones too is not documented.
    rule
    for side in ("input", "output")
    for rule in (
        Rename(f"session.audio.{side}.format", {"sample_rate": "rate"}),
        Respell(f"session.audio.{side}.format", "type", {"pcm": "audio/pcm"}),
    )
)

_TOOLS: Final[tuple[DialectRule, ...]] = tuple(
    Move("session.tools[][type=function]", f"function.{name}", name) for name in ("name", "description", "parameters")
)

_USAGE: Final[tuple[DialectRule, ...]] = (
    Rename(
        "response.usage",
        {"input_tokens_details": "input_token_details", "output_tokens_details": "output_token_details"},
    ),
)

PROFILES: Final = (
    Profile(
        name="qwen",
        title="Alibaba Qwen realtime",
        names=CANONICAL,
        rules=merged(
            dict.fromkeys(("session.created", "session.updated", "session.update"), _NESTED),
            flat_rules(
                input_formats=_HEARD,
                output_formats=_SPOKEN,
                lacks=("truncation", "prompt", "tracing", "include", "reasoning", "parallel_tool_calls"),
            ),
            dict.fromkeys(("session.created", "session.updated", "session.update"), _TOOLS),
            dict.fromkeys(("response.created", "response.done"), _USAGE),
            absent(
                "response_id",
                "item_id",
                "call_id",
                "name",
                "output_index",
                "content_index",
                "audio_start_ms",
                "audio_end_ms",
                "usage",
            ),
        ),
        utterance=UtteranceProfile(
            finish={"type": "session.finish"},
            finished="session.finished",
            # Recognition and live translation; Omni and Audio, which converse, reject it.
            finish_models=("asr", "translate", "gummy", "paraformer"),
        ),
        # Truncation and retrieval are on no page of theirs.
        lacks_events=GA_ONLY_EVENTS
        | {
            "conversation.item.delete",
            "conversation.item.retrieve",
            "conversation.item.truncate",
            "output_audio_buffer.clear",
            "transcription_session.update",
        },
        input_rates_hz=(16_000,),
        session_minutes=30,
        hosts=("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "maas.aliyuncs.com"),
        path="/api-ws/v1/realtime",
        notes=(
            "Qwen-Omni rejects `session.finish`, live translation wants it. Usage counts the whole session. "
            "Rolling transcripts (`….text` with `text` and `stash`) have no counterpart and stay unknown."
        ),
    ),
)

"""Servers to run oneself: vLLM and its cousins, sglang-omni, speaches, LocalAI."""

from __future__ import annotations

from typing import Final

from duologue.dialects.beta import GA_ONLY_EVENTS, MODALITIES, SessionKind, flat_rules
from duologue.dialects.names import CANONICAL
from duologue.dialects.omissions import absent, all_but, incomplete_items, merged
from duologue.dialects.profile import Profile
from duologue.dialects.rules import Constant, Default, DialectRule, Lacks, Move, Rename
from duologue.dialects.utterance import COMMIT, UtteranceProfile
from duologue.dialects.wrapping import Wrap

__all__ = ["PROFILES"]

_DELTA: Final = "conversation.item.input_audio_transcription.delta"
_COMPLETED: Final = "conversation.item.input_audio_transcription.completed"

_VLLM_NAMES: Final = {"transcription.delta": _DELTA, "transcription.done": _COMPLETED}

_VLLM_RULES: Final[dict[str, tuple[DialectRule, ...]]] = merged(
    {
        # A session has no object of its own: its id and its settings stand in the event.
        "session.created": (
            Lacks("", ("session",)),
            Move("", "id", "session.id"),
            Move("", "created", "session.created"),
            Constant("session", "type", "transcription"),
            Default("session", "object", "realtime.transcription_session"),
            Default("session", "id", ""),
        ),
        "session.update": (
            Lacks("", ("session",)),
            Move("", "model", "session.audio.input.transcription.model"),
            Move("", "include", "session.include"),
            Default("", "session", {}),
            Constant("session", "type", "transcription"),
        ),
        _COMPLETED: (
            Rename("", {"text": "transcript"}),
            Rename("usage", {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}),
            Constant("usage", "type", "tokens"),
        ),
        "error": (
            Wrap("", "error", "message"),
            Move("", "code", "error.code"),
            Default("error", "type", ""),
        ),
    },
    absent("event_id", "item_id", "content_index", "usage"),
)

_VLLM_UTTERANCE: Final = UtteranceProfile(
    names_model_first=True,
    # The audio before it waits; without it nothing is transcribed.
    begin={"type": COMMIT},
    end={"type": COMMIT, "final": True},
    is_transcribed_once=True,
)

_CLOSED_BY_COMMAND: Final = UtteranceProfile(finish={"type": "session.close"}, finished="session.closed")

_ANY_ID: Final = ("event_id", "response_id", "item_id", "call_id", "name", "output_index", "content_index")
_ANY_TIME: Final = ("audio_start_ms", "audio_end_ms", "usage")

_ERROR: Final[dict[str, tuple[DialectRule, ...]]] = {"error": (Default("error", "type", ""),)}
"""Their errors need not say of what type they are."""

_SPEACHES_FIXED: Final[tuple[DialectRule, ...]] = (
    # Rejected by name, whatever their value.
    Lacks("session", ("audio.input.format", "audio.output.format", "audio.input.turn_detection.prefix_padding_ms")),
)

_LOCALAI_SESSION: Final[tuple[DialectRule, ...]] = (
    SessionKind({}),
    Move("session", "modalities", "output_modalities", MODALITIES, reads_only=True),
    Default("session", "id", ""),
    Default("session", "object", "realtime.session", always_written=True),
)

PROFILES: Final = (
    Profile(
        name="vllm",
        title="vLLM realtime transcription",
        names=_VLLM_NAMES,
        rules=_VLLM_RULES,
        utterance=_VLLM_UTTERANCE,
        lacks_events=all_but(
            _DELTA,
            _COMPLETED,
            "error",
            "input_audio_buffer.append",
            "input_audio_buffer.commit",
            "session.created",
            "session.update",
        ),
        input_rates_hz=(16_000,),
        output_rates_hz=(),
        auth=("none", "bearer"),
        notes="Its streams say no item: all of one connection is one speech, until `transcription.done`.",
    ),
    Profile(
        name="vllm-omni",
        title="vLLM-Omni",
        names={**_VLLM_NAMES, **CANONICAL},
        rules=merged(
            incomplete_items(),
            # Later versions speak a part of GA instead; such frames are read as they are, and kept.
            {
                **{
                    name: rules
                    for name, rules in _VLLM_RULES.items()
                    if name in (_COMPLETED, "session.created", "error")
                },
                "response.output_audio.delta": (Rename("", {"audio": "delta"}),),
                # The first update may name a model and have no session.
                "session.update": (Default("", "session", {"type": "realtime"}, always_written=True),),
            },
            absent(*_ANY_ID, *_ANY_TIME),
        ),
        utterance=_VLLM_UTTERANCE,
        lacks_events=frozenset(
            {
                "conversation.item.delete",
                "conversation.item.retrieve",
                "conversation.item.truncate",
                "input_audio_buffer.clear",
                "output_audio_buffer.clear",
                "response.cancel",
                "response.create",
                "transcription_session.update",
            }
        ),
        input_rates_hz=(16_000,),
        auth=("none", "bearer"),
        notes="Versions differ: early ones take four client events. Audio says its rate in each piece.",
    ),
    Profile(
        name="sglang",
        title="sglang-omni",
        names=CANONICAL,
        rules=merged(flat_rules(), _ERROR, absent(*_ANY_ID, *_ANY_TIME)),
        utterance=_CLOSED_BY_COMMAND,
        lacks_events=GA_ONLY_EVENTS
        | {
            "conversation.item.delete",
            "conversation.item.retrieve",
            "output_audio_buffer.clear",
            "transcription_session.update",
        },
        auth=("none", "bearer"),
        # The fields of `transcription.segment`, `.done` and `.completed` are not documented: they stay unknown.
        notes="Known by the names of its events alone; which of six client events it takes is inferred.",
    ),
    Profile(
        name="speaches",
        title="speaches",
        intent=True,
        intent_takes_model=True,
        utterance=_CLOSED_BY_COMMAND,
        names=CANONICAL,
        rules=merged(
            flat_rules(lacks=("truncation", "prompt", "tracing", "include", "reasoning", "parallel_tool_calls")),
            {"session.update": _SPEACHES_FIXED},
            _ERROR,
            absent("content_index", "output_index", "name", "usage"),
        ),
        lacks_events=GA_ONLY_EVENTS
        | {
            "conversation.item.retrieve",
            "conversation.item.truncate",
            "output_audio_buffer.clear",
            "response.cancel",
            "transcription_session.update",
        },
        auth=("none", "bearer", "api-key", "query"),
        notes="`partial_message` and `full_message` are its own. Known from its source.",
    ),
    Profile(
        name="localai",
        title="LocalAI",
        rules=merged(
            incomplete_items(),
            {
                "session.created": _LOCALAI_SESSION,
                "session.updated": _LOCALAI_SESSION,
                "response.created": (Move("response", "modalities", "output_modalities", MODALITIES, reads_only=True),),
                "response.done": (Move("response", "modalities", "output_modalities", MODALITIES, reads_only=True),),
            },
            _ERROR,
            # Its encoder drops what is empty or 0.
            absent(*_ANY_ID, *_ANY_TIME, "delta", "text", "transcript", "arguments"),
        ),
        lacks_events=frozenset({"output_audio_buffer.clear"}),
        auth=("none", "bearer"),
        notes="Known from its source; versions say `modalities` or `output_modalities`.",
    ),
)

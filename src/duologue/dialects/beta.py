"""The shape that the hosted service spoke from October 2024 to May 2026, and that many still speak.

Six event names, a flat session, and flat settings in responses. Profiles take from here what their vendor kept.
"""

from __future__ import annotations

from typing import Any, Final

from duologue.dialects.rules import Constant, Default, Lacks, Move, Rule, Spelling

__all__ = [
    "AUDIO_FORMATS",
    "ITEM_RULES",
    "RESPONSE_RULES",
    "RULES",
    "SESSION_CONFIG_RULES",
    "SESSION_RULES",
    "TRANSCRIPT_RULES",
]

AUDIO_FORMATS: Final[tuple[tuple[Any, Any], ...]] = (
    ("pcm16", {"type": "audio/pcm", "rate": 24000}),
    ("g711_ulaw", {"type": "audio/pcmu"}),
    ("g711_alaw", {"type": "audio/pcma"}),
)

_MODALITIES: Final[tuple[tuple[Any, Any], ...]] = (
    # Beta wants text beside audio where GA wants audio alone, and means the same.
    (["text", "audio"], ["audio"]),
    (["audio", "text"], ["audio"]),
)


def _flat_settings(at: str) -> tuple[Rule, ...]:
    """What a session and a response have in common."""
    return (
        Move(at, "modalities", "output_modalities", _MODALITIES),
        Move(at, "voice", "audio.output.voice"),
        Move(at, "output_audio_format", "audio.output.format", AUDIO_FORMATS),
    )


def _flat_session(at: str) -> tuple[Rule, ...]:
    """The flat session, at a path."""
    return (
        Constant(at, "type", "realtime"),
        *_flat_settings(at),
        Move(at, "max_response_output_tokens", "max_output_tokens"),
        Move(at, "speed", "audio.output.speed"),
        Move(at, "input_audio_format", "audio.input.format", AUDIO_FORMATS),
        Move(at, "input_audio_transcription", "audio.input.transcription"),
        Move(at, "input_audio_noise_reduction", "audio.input.noise_reduction"),
        Move(at, "turn_detection", "audio.input.turn_detection"),
        Lacks(at, ("truncation", "reasoning", "parallel_tool_calls")),
    )


def _items_at(at: str) -> tuple[Rule, ...]:
    """Parts of assistant items, which beta spells as the parts of responses."""
    return (Spelling(f"{at}.content[]", "type", {"text": "output_text", "audio": "output_audio"}),)


SESSION_RULES: Final = (
    *_flat_session("session"),
    Default("session", "object", "realtime.session"),
    Default("session", "id", ""),
)
SESSION_CONFIG_RULES: Final = _flat_session("session")
RESPONSE_RULES: Final = (*_flat_settings("response"), *_items_at("response.output[]"))
ITEM_RULES: Final = _items_at("item")
TRANSCRIPT_RULES: Final = (
    # Not sent before 2025, and by few others since.
    Default("", "usage", None),
)

RULES: Final[dict[str, tuple[Rule, ...]]] = {
    "session.created": SESSION_RULES,
    "session.updated": SESSION_RULES,
    "session.update": SESSION_CONFIG_RULES,
    "response.created": RESPONSE_RULES,
    "response.done": RESPONSE_RULES,
    "response.create": (
        *_flat_settings("response"),
        Move("response", "max_response_output_tokens", "max_output_tokens"),
        *_items_at("response.input[]"),
        Lacks("response", ("reasoning", "parallel_tool_calls")),
    ),
    "response.output_item.added": ITEM_RULES,
    "response.output_item.done": ITEM_RULES,
    "conversation.item.created": ITEM_RULES,
    "conversation.item.added": ITEM_RULES,
    "conversation.item.done": ITEM_RULES,
    "conversation.item.retrieved": ITEM_RULES,
    "conversation.item.create": ITEM_RULES,
    "conversation.item.input_audio_transcription.completed": TRANSCRIPT_RULES,
}

"""Grok Voice: GA names, a session half flat and half nested, and fields that are not filled in yet."""

from __future__ import annotations

from typing import Any, Final

from duologue.dialects.beta import SessionKind, item_rules
from duologue.dialects.omissions import absent, incomplete_items, merged
from duologue.dialects.places import Json
from duologue.dialects.profile import Profile
from duologue.dialects.rules import Default, DialectRule, Hook, Lacks, Move, Placeholder, Rename

__all__ = ["PROFILES"]

_MODALITIES: Final[tuple[tuple[Any, Any], ...]] = (
    (["audio"], ["audio"]),
    (["text", "audio"], ["audio"]),
    (["audio", "text"], ["audio"]),
)

_SESSION_CONFIG: Final[tuple[DialectRule, ...]] = (
    SessionKind({}),
    Lacks("session", ("truncation", "prompt", "tracing", "include", "parallel_tool_calls")),
    Move("session", "modalities", "output_modalities", _MODALITIES),
    Move("session", "voice", "audio.output.voice"),
    # Off is an object without a type in what they send, and null in what they accept.
    Move("session", "turn_detection", "audio.input.turn_detection", (({"type": None}, None),)),
    # The nested one is what they document; where both are sent, they agree.
    Move("session", "input_audio_transcription", "audio.input.transcription", reads_only=True),
    Rename("session.audio.input.transcription", {"language_hint": "language", "keyterms": "keywords"}),
    Move("session", "max_response_output_tokens", "max_output_tokens"),
)

_SESSION_SENT: Final[tuple[DialectRule, ...]] = (
    *_SESSION_CONFIG,
    # Tools are accepted flat and sent back as chat completions has them.
    *(
        Move("session.tools[][type=function]", f"function.{name}", name)
        for name in ("name", "description", "parameters")
    ),
    Default("session", "id", ""),
    Default("session", "object", "realtime.session", always_written=True),
)


def _usage_down(frame: Json) -> None:
    """The usage of a response stands in the event; the response has an empty object."""
    response = frame.get("response")
    if isinstance(response, dict) and response.get("usage") == {} and isinstance(frame.get("usage"), dict):
        response["usage"] = frame.pop("usage")


def _usage_up(frame: Json) -> None:
    response = frame.get("response")
    if isinstance(response, dict) and "usage" not in frame and isinstance(response.get("usage"), dict):
        frame["usage"], response["usage"] = response["usage"], {}


_RESPONSE: Final[tuple[DialectRule, ...]] = (
    Placeholder("response", "status_details", (("unimplemented", None),)),
    *item_rules("response.output[]"),
    Default("response.output[][type=message]", "content", []),
)

_ITEM: Final[tuple[DialectRule, ...]] = (*item_rules("item"), Default("item[type=message]", "content", []))

_TWINS: Final = ("response.text.delta", "response.text.done", "response.audio.delta", "response.audio.done")

PROFILES: Final = (
    Profile(
        name="xai",
        title="xAI Grok Voice",
        rules=merged(
            incomplete_items(),
            {
                "session.created": _SESSION_SENT,
                "session.updated": _SESSION_SENT,
                "session.update": _SESSION_CONFIG,
                "response.created": _RESPONSE,
                "response.done": (Hook(_usage_down, _usage_up), *_RESPONSE),
                # Clients send modalities here; that the rest of the settings is taken is not documented.
                "response.create": (
                    Lacks("response", ("prompt", "reasoning", "parallel_tool_calls")),
                    Move("response", "modalities", "output_modalities", _MODALITIES),
                ),
                "response.output_item.added": _ITEM,
                "response.output_item.done": _ITEM,
                "conversation.item.added": _ITEM,
                "conversation.item.done": _ITEM,
                "conversation.item.created": _ITEM,
                "conversation.item.retrieved": _ITEM,
                "error": (Default("error", "type", ""),),
            },
            absent(
                "response_id",
                "item_id",
                "output_index",
                "content_index",
                "part",
                "audio_start_ms",
                "audio_end_ms",
                "usage",
            ),
        ),
        heartbeats=frozenset({"ping"}),
        twins=frozenset(_TWINS),
        lacks_events=frozenset({"transcription_session.update"}),
        input_rates_hz=(24_000, 8_000, 16_000, 22_050, 32_000, 44_100, 48_000),
        output_rates_hz=(24_000, 8_000, 16_000, 22_050, 32_000, 44_100, 48_000),
        auth=("bearer", "subprotocol"),
        session_minutes=60,
        hosts=("api.x.ai",),
        notes=(
            "`completed` comes several times for an item, the last with status `completed`. "
            "Which text events come twice, under both names, is reported by others and not recorded."
        ),
    ),
)

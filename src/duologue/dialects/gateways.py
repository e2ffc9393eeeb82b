"""Services that take the protocol to other models: Inworld, Yandex AI Studio and Together."""

from __future__ import annotations

from typing import Final

from duologue.dialects.beta import MODALITIES, SessionKind, item_rules
from duologue.dialects.omissions import absent, all_but, incomplete_items, merged
from duologue.dialects.profile import Profile
from duologue.dialects.rules import Default, DialectRule, Lacks, Move

__all__ = ["PROFILES"]

_TOLD: Final = ("session.created", "session.updated")

_NESTED_SESSION: Final[tuple[DialectRule, ...]] = (
    Default("", "session", {}),
    SessionKind({}),
    Move("session", "modalities", "output_modalities", MODALITIES, reads_only=True),
    Default("session", "id", ""),
    # Another client counts on none of the three.
    Default("session", "object", "realtime.session"),
)

# An item as they tell it may be of either era.
_ITEMS: Final = incomplete_items()

_TURNS: Final = absent("audio_start_ms", "audio_end_ms", "content_index", "usage")

_TOGETHER_SESSION: Final[tuple[DialectRule, ...]] = (
    SessionKind({}, "transcription"),
    # All settings but this one stand in the query of the URL.
    Lacks("session", ("audio", "include")),
    Move("session", "turn_detection", "audio.input.turn_detection"),
)

PROFILES: Final = (
    Profile(
        name="inworld",
        title="Inworld Realtime",
        rules=merged(
            dict.fromkeys(_TOLD, _NESTED_SESSION),
            _ITEMS,
            {"error": (Default("error", "type", ""),)},
            _TURNS,
            absent("output_index", "item_id", "response_id"),
        ),
        heartbeats=frozenset({"ping"}),
        lacks_events=frozenset({"transcription_session.update"}),
        input_rates_hz=(24_000, 8_000, 16_000, 32_000, 44_100, 48_000),
        output_rates_hz=(24_000, 8_000, 16_000, 32_000, 44_100, 48_000),
        auth=("basic", "bearer", "jwt", "query"),
        hosts=("api.inworld.ai",),
        path="/api/v1/realtime/session",
        notes="Known from pages and from another client. Takes both modalities at once; `providerData` is its own.",
    ),
    Profile(
        name="yandex",
        title="Yandex AI Studio Realtime",
        rules=merged(
            dict.fromkeys(_TOLD, _NESTED_SESSION),
            {
                name: item_rules("item")
                # Its pages have this event in addition to `added` and `done`, with an item as beta had it.
                for name in ("conversation.item.created",)
            },
            _ITEMS,
            _TURNS,
        ),
        lacks_events=frozenset({"transcription_session.update"}),
        auth=("bearer", "api-key"),
        hosts=("api.cloud.yandex.net",),
        notes="Known from its pages alone, which name events of both eras; no frame of it has been seen.",
    ),
    Profile(
        name="together",
        title="Together realtime transcription",
        names={"transcription_session.updated": "session.update"},
        rules=merged(
            {
                "session.created": (
                    *_TOGETHER_SESSION,
                    Default("session", "id", ""),
                    Default("session", "object", "realtime.transcription_session", always_written=True),
                ),
                # A client sends what elsewhere is a server's answer, to change how turns are found.
                "session.update": _TOGETHER_SESSION,
            },
            absent("event_id", "item_id", "content_index", "usage"),
        ),
        lacks_events=all_but(
            "conversation.item.input_audio_transcription.completed",
            "conversation.item.input_audio_transcription.delta",
            "conversation.item.input_audio_transcription.failed",
            "error",
            "input_audio_buffer.append",
            "input_audio_buffer.commit",
            "session.created",
            "session.update",
        ),
        input_rates_hz=(16_000,),
        output_rates_hz=(),
        hosts=("api.together.ai", "api.together.xyz"),
        notes="Known from its pages alone. Wants the header of the beta; whether `failed` is sent at all is not said.",
    ),
)

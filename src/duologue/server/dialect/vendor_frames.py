"""What a vendor's own frames have otherwise than the translation gives: fields of its own, fields that it leaves out.

The tables of `duologue.dialects` say how frames are read, and so allow for much that is absent. A server that stands in
for a vendor in tests of its clients has to send what the vendor sends. `tests/server/dialect/test_recorded_shapes.py`
lays our frames beside recorded ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from msgspec import Struct

from duologue.dialects.places import Json, copy_json, objects_at

__all__ = ["complete_frame"]


class _Part(Protocol):
    """One part of the difference, made in place."""

    def apply(self, frame: Json) -> None: ...


class _Adds(Struct, frozen=True):
    """Fields that the vendor sends always, with the value that says nothing."""

    at: str
    fields: Mapping[str, Any]

    def apply(self, frame: Json) -> None:
        for place in objects_at(frame, self.at):
            for name, value in self.fields.items():
                if name not in place:
                    place[name] = copy_json(value)


class _Sets(Struct, frozen=True):
    """Fields that the vendor sends with one value, whatever is so."""

    at: str
    fields: Mapping[str, Any]

    def apply(self, frame: Json) -> None:
        for place in objects_at(frame, self.at):
            place.update(copy_json(dict(self.fields)))


class _Drops(Struct, frozen=True):
    """Fields that the vendor does not send."""

    at: str
    fields: tuple[str, ...]

    def apply(self, frame: Json) -> None:
        for place in objects_at(frame, self.at):
            for name in self.fields:
                place.pop(name, None)


class _DropsNull(Struct, frozen=True):
    """Fields that the vendor sends only if they say something."""

    at: str
    fields: tuple[str, ...]

    def apply(self, frame: Json) -> None:
        for place in objects_at(frame, self.at):
            for name in self.fields:
                if place.get(name, ...) is None:
                    del place[name]


class _Copies(Struct, frozen=True):
    """A value that the vendor sends in two places."""

    at: str
    source: str
    target: str

    def apply(self, frame: Json) -> None:
        for place in objects_at(frame, self.at):
            value: Any = place
            for name in self.source.split("."):
                value = value.get(name) if isinstance(value, dict) else None
            if value is not None:
                place.setdefault(self.target, copy_json(value))


class _Says(Struct, frozen=True):
    """A field that has other words for null."""

    at: str
    field: str
    words: str

    def apply(self, frame: Json) -> None:
        for place in objects_at(frame, self.at):
            if place.get(self.field) is None:
                place[self.field] = self.words


class _SamplingRate(Struct, frozen=True):
    """Voice Live says the rate of its input in a field of its own, of every format."""

    def apply(self, frame: Json) -> None:
        for session in objects_at(frame, "session"):
            g711 = str(session.get("input_audio_format")).startswith("g711")
            session.setdefault("input_audio_sampling_rate", 8_000 if g711 else 24_000)


_OBJECT: Final = {"object": "realtime.item"}
_ITEM_OBJECTS: Final[tuple[_Part, ...]] = (_Adds("item", _OBJECT), _Adds("response.output[]", _OBJECT))

_XAI_RESPONSE: Final[tuple[_Part, ...]] = (
    _Drops("response", ("audio", "conversation_id", "max_output_tokens", "modalities", "output_modalities")),
    _DropsNull("response", ("metadata",)),
    _Says("response", "status_details", "unimplemented"),
    _Adds("response.output[][type=function_call]", {"role": "user"}),
)
_XAI_ITEM: Final[tuple[_Part, ...]] = (
    _Drops("item[type=message]", ("content",)),
    _Adds("item[type=function_call]", {"role": "user"}),
)
_XAI_ADDED: Final[tuple[_Part, ...]] = (
    _Adds("item[type=message]", {"content": []}),
    _Adds("item[type=function_call]", {"role": "tool"}),
    _Adds("item[type=function_call_output]", {"role": "tool", "status": "completed"}),
)
_GROK_TOKENS: Final = {"grok_tokens": 0}

_VOICE_LIVE_SESSION: Final[tuple[_Part, ...]] = (
    _Drops("session", ("speed",)),
    _SamplingRate(),
    _Adds(
        "session",
        {
            "animation": None,
            "avatar": None,
            "input_audio_echo_cancellation": None,
            "output_audio_timestamp_types": None,
            "truncation_strategy": None,
        },
    ),
    _Adds("session.input_audio_transcription", {"custom_speech": None, "phrase_list": None}),
    _Adds(
        "session.turn_detection[type=server_vad]",
        {
            "speech_duration_ms": None,
            "end_of_utterance_detection": None,
            "auto_truncate": False,
            "appended_text_after_truncation": None,
        },
    ),
)

_PARTS: Final[Mapping[str, Mapping[str, tuple[_Part, ...]]]] = {
    "xai": {
        "*": (*_ITEM_OBJECTS, _Adds("", {"previous_item_id": None})),
        "session.created": (
            _Drops("session", ("audio", "expires_at", "max_response_output_tokens", "tool_choice", "type")),
            # Whatever it detects: nothing is known of a session that was told nothing.
            _Sets("session", {"turn_detection": {"type": None}}),
            _Drops("", ("previous_item_id",)),
        ),
        "session.updated": (
            _Drops("session", ("expires_at",)),
            _DropsNull("session.audio.input", ("noise_reduction",)),
            _DropsNull("session.audio.input.transcription", ("language_hint", "prompt")),
            _DropsNull("session.turn_detection[type=server_vad]", ("idle_timeout_ms",)),
            _Copies("session", "audio.input.transcription", "input_audio_transcription"),
            _Adds("session.audio.input", {"transport": "json"}),
            _Adds("session.audio.output", {"transport": "json"}),
            _Adds(
                "session",
                {
                    "enable_noise_suppression": True,
                    "enable_phonetic_spelling": False,
                    "keep_context": False,
                    "input_audio_format": "not specified",
                    "output_audio_format": "not specified",
                    "temperature": -1.0,
                },
            ),
        ),
        "response.created": (*_XAI_RESPONSE, _Adds("response", {"usage": {}})),
        "response.done": (
            _Copies("", "response.id", "response_id"),
            *_XAI_RESPONSE,
            _Drops("usage.input_token_details", ("cached_tokens", "cached_tokens_details", "image_tokens")),
            _Adds("usage.input_token_details", _GROK_TOKENS),
            _Adds("usage.output_token_details", _GROK_TOKENS),
        ),
        "response.output_item.added": _XAI_ITEM,
        "response.output_item.done": _XAI_ITEM,
        "conversation.item.added": _XAI_ADDED,
        "conversation.item.retrieved": _XAI_ADDED,
        "response.content_part.done": (_Drops("", ("part",)),),
        "conversation.item.input_audio_transcription.completed": (
            _Drops("", ("usage",)),
            _Adds("", {"status": "completed"}),
        ),
        "error": (_Drops("", ("previous_item_id",)),),
    },
    "azure-voice-live": {
        "*": _ITEM_OBJECTS,
        "session.created": _VOICE_LIVE_SESSION,
        "session.updated": _VOICE_LIVE_SESSION,
        "conversation.item.created": (_Drops("item[type=function_call_output]", ("status",)),),
        "conversation.item.input_audio_transcription.completed": (_Drops("", ("usage",)),),
        "response.created": (_Adds("response", {"temperature": None}),),
        "response.done": (
            _Adds("response", {"temperature": None}),
            _Adds("response.usage.output_token_details", {"reasoning_tokens": 0}),
        ),
    },
    **{dialect: {"*": _ITEM_OBJECTS} for dialect in ("glm", "qwen", "yandex")},
}
"""By dialect and by the type of the frame; "*" for all of them, first."""


def complete_frame(dialect: str, frame: Json) -> None:
    """Make a translated frame one of the vendor's, in place."""
    parts = _PARTS.get(dialect)
    if parts is None:
        return
    for name in ("*", str(frame.get("type"))):
        for part in parts.get(name, ()):
            part.apply(frame)

"""The client events of a translation session, and the check of each before it is carried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from duologue.codec.families import TRANSLATION_CLASSES
from duologue.codec.problems import read_problem
from duologue.events import (
    AnyTranslationClientEvent,
    AnyTranslationEvent,
    TranslationErrorEvent,
    TranslationInputAudioBufferAppendEvent,
    TranslationSessionUpdateEvent,
    UnknownTranslationEvent,
    is_set,
)
from duologue.protocol.server.conversation.client_items import audio_of
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.validation import MAX_EVENT_ID_CHARS

__all__ = ["accept", "audio_bytes", "event_id_of", "whole_samples"]

_CLIENT_EVENTS = get_args(AnyTranslationClientEvent)
_SUPPORTED = ", ".join(f"'{cls.type}'" for cls in _CLIENT_EVENTS)


def accept(event: AnyTranslationEvent, check: Callable[[InvalidRequest], None]) -> AnyTranslationClientEvent:
    """Return the event if a client may send it. Raises InvalidRequest; `check` gets what may be tolerated.

    The answers are those of a Realtime session. Settings are checked where they are applied.
    """
    if isinstance(event, UnknownTranslationEvent):
        if event.wire_type is None:
            raise InvalidRequest("missing", param="type")
        if TRANSLATION_CLASSES.get(event.wire_type) not in _CLIENT_EVENTS:
            raise InvalidRequest("unknown_type", param="type", value=event.wire_type, supported=_SUPPORTED)
        problem = read_problem(event.problem)
        if problem.missing:
            raise InvalidRequest("missing", param=problem.path)
        raise InvalidRequest("wrong_type", param=problem.path, expected=problem.expected, got=problem.got)
    if isinstance(event, TranslationErrorEvent) and event.extra.frame is not None and "type" not in event.extra.frame:
        raise InvalidRequest("missing", param="type")  # a server's frame of this shape would be an error
    if not isinstance(event, AnyTranslationClientEvent):
        raise InvalidRequest("unknown_type", param="type", value=event.type, supported=_SUPPORTED)
    if is_set(event.event_id) and len(event.event_id) > MAX_EVENT_ID_CHARS:
        check(
            InvalidRequest(
                "event_id_too_long", param="event_id", max=MAX_EVENT_ID_CHARS, got=len(event.event_id), harmless=True
            )
        )
    if not isinstance(event, TranslationSessionUpdateEvent):
        for name in event.extra or {}:
            check(InvalidRequest("unknown_parameter", param=name, harmless=True))
    return event


def event_id_of(event: AnyTranslationEvent | None) -> str | None:
    """The event's id as an `error` repeats it; None where there is none, or it is too long to repeat."""
    event_id = event.event_id if event is not None else None
    return event_id if isinstance(event_id, str) and len(event_id) <= MAX_EVENT_ID_CHARS else None


def audio_bytes(event: TranslationInputAudioBufferAppendEvent) -> bytes:
    """The audio of an append. Raises InvalidRequest."""
    return whole_samples(audio_of(event.audio, "audio"))


def whole_samples(audio: bytes) -> bytes:
    """The audio, which is PCM16. Raises InvalidRequest if it ends in half a sample."""
    if len(audio) % 2:
        raise InvalidRequest("wrong_value", param="audio", reason="PCM16 has two bytes for each sample")
    return audio

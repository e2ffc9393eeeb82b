"""The events of a response between its beginning and its end."""

from __future__ import annotations

from typing import Final, TypeAlias, get_args

from duologue.events import (
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseAudioTranscriptDoneEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseMcpCallArgumentsDeltaEvent,
    ResponseMcpCallArgumentsDoneEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)

__all__ = ["ITEM_EVENTS", "PART_EVENTS", "RESPONSE_EVENTS", "PartEvent", "ResponseEvent"]

ITEM_EVENTS: Final = (ResponseOutputItemAddedEvent, ResponseOutputItemDoneEvent)
"""Events that begin or end an item of a response."""

PartEvent: TypeAlias = (
    ResponseAudioDoneEvent
    | ResponseAudioTranscriptDeltaEvent
    | ResponseAudioTranscriptDoneEvent
    | ResponseContentPartAddedEvent
    | ResponseContentPartDoneEvent
    | ResponseFunctionCallArgumentsDeltaEvent
    | ResponseFunctionCallArgumentsDoneEvent
    | ResponseMcpCallArgumentsDeltaEvent
    | ResponseMcpCallArgumentsDoneEvent
    | ResponseTextDeltaEvent
    | ResponseTextDoneEvent
)
"""Events of what is in an item, without its speech."""

PART_EVENTS: Final[tuple[type[PartEvent], ...]] = get_args(PartEvent)

ResponseEvent: TypeAlias = (
    ResponseOutputItemAddedEvent | ResponseOutputItemDoneEvent | PartEvent | ResponseAudioDeltaEvent
)
"""All that name their response."""

RESPONSE_EVENTS: Final[tuple[type[ResponseEvent], ...]] = get_args(ResponseEvent)

"""The events of a response between its beginning and its end."""

from __future__ import annotations

from typing import Final

from duologue.events import (
    RealtimeEvent,
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

__all__ = ["ITEM_EVENTS", "PART_EVENTS", "RESPONSE_EVENTS", "response_id_in"]

ITEM_EVENTS: Final = (ResponseOutputItemAddedEvent, ResponseOutputItemDoneEvent)
"""Events that begin or end an item of a response."""

PART_EVENTS: Final = (
    ResponseAudioDoneEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseAudioTranscriptDoneEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseMcpCallArgumentsDeltaEvent,
    ResponseMcpCallArgumentsDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)
"""Events of what is in an item, without its speech."""

RESPONSE_EVENTS: Final = (*ITEM_EVENTS, *PART_EVENTS, ResponseAudioDeltaEvent)
"""All that name their response."""


def response_id_in(event: RealtimeEvent) -> str:
    """Id of the response that one of these events names; empty for a server that gives none."""
    response_id = getattr(event, "response_id", "")
    return response_id if isinstance(response_id, str) else ""

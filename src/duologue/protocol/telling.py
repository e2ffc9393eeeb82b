"""What an application is told of an event of the server, beside what the session core itself finds out."""

from __future__ import annotations

from duologue.events import (
    ConversationItemAddedEvent,
    ConversationItemCreatedEvent,
    ConversationItemDeletedEvent,
    ConversationItemDoneEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionDeltaEvent,
    InputAudioTranscriptionFailedEvent,
    RealtimeEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseTextDeltaEvent,
    is_set,
)
from duologue.protocol import notices
from duologue.protocol.notices import Notice
from duologue.protocol.requests import untagged
from duologue.protocol.store import ConversationStore

__all__ = ["told"]


def told(event: RealtimeEvent, store: ConversationStore, *, out_of_band: bool = False) -> list[Notice]:
    """The notices of an event; `store` has heard of it already.

    `out_of_band` says that the response which it creates is none of the conversation.
    """
    match event:
        case InputAudioBufferSpeechStartedEvent():
            return [notices.SpeechStarted(item_id=event.item_id, audio_start_ms=event.audio_start_ms)]
        case InputAudioBufferSpeechStoppedEvent():
            return [notices.SpeechStopped(item_id=event.item_id, audio_end_ms=event.audio_end_ms)]
        case InputAudioTranscriptionDeltaEvent():
            return (
                [notices.UserTranscriptDelta(item_id=event.item_id, delta=event.delta)] if is_set(event.delta) else []
            )
        case InputAudioTranscriptionCompletedEvent():
            return [notices.UserTranscript(item_id=event.item_id, transcript=event.transcript)]
        case InputAudioTranscriptionFailedEvent(error=error):
            message = error.message if is_set(error.message) else ""
            return [notices.UserTranscriptFailed(item_id=event.item_id, message=message)]
        case ResponseTextDeltaEvent() | ResponseAudioTranscriptDeltaEvent():
            return [
                notices.TextDelta(
                    response_id=event.response_id,
                    item_id=event.item_id,
                    content_index=event.content_index,
                    delta=event.delta,
                    spoken=isinstance(event, ResponseAudioTranscriptDeltaEvent),
                )
            ]
        case ResponseCreatedEvent(response=response):
            return [notices.ResponseStarted(response_id=str(response.id), in_conversation=not out_of_band)]
        case ResponseDoneEvent():
            return [notices.ResponseFinished(untagged(event))]
        case ConversationItemDeletedEvent():
            return [notices.ItemDeleted(event.item_id)]
        case ConversationItemAddedEvent() | ConversationItemCreatedEvent() | ConversationItemDoneEvent():
            return _told_of_item(event, store)
        case _:
            return []


def _told_of_item(
    event: ConversationItemAddedEvent | ConversationItemCreatedEvent | ConversationItemDoneEvent,
    store: ConversationStore,
) -> list[Notice]:
    stored = store.get(str(event.item.id))
    if stored is None:
        return []
    if isinstance(event, ConversationItemDoneEvent):
        return [notices.ItemDone(stored)]
    added: list[Notice] = [notices.ItemAdded(stored)]
    if isinstance(event, ConversationItemCreatedEvent) and stored.done:
        added.append(notices.ItemDone(stored))
    return added

"""Notices that follow from one event of the server and from the item that it names."""

from __future__ import annotations

from collections.abc import Callable

from duologue.events import (
    ConversationItemAddedEvent,
    ConversationItemCreatedEvent,
    ConversationItemDeletedEvent,
    ConversationItemDoneEvent,
    ErrorEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionDeltaEvent,
    InputAudioTranscriptionFailedEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseTextDeltaEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    TranscriptionSessionUpdatedEvent,
    UnknownRealtimeEvent,
    is_set,
)
from duologue.protocol.client import notices
from duologue.protocol.client.dispatch import EventContext, Part, on
from duologue.protocol.client.error_kinds import classify
from duologue.protocol.client.history.store import ConversationStore
from duologue.protocol.client.notices import Notice
from duologue.protocol.client.responses.requests import untagged

__all__ = ["EventNotices"]


class EventNotices(Part):
    """Makes the notices, and calls `notify` with each. Stands behind the store, whose items it reads."""

    def __init__(self, store: ConversationStore, *, notify: Callable[[Notice], None]) -> None:
        self._store = store
        self._notify = notify

    # --- the session

    @on(SessionCreatedEvent, SessionUpdatedEvent)
    def _session(self, event: SessionCreatedEvent | SessionUpdatedEvent, context: EventContext) -> None:
        self._notify(notices.SessionChanged(event.session))
        self._update_ended(context)

    @on(TranscriptionSessionUpdatedEvent)
    def _transcription_session(self, event: TranscriptionSessionUpdatedEvent, context: EventContext) -> None:
        self._update_ended(context)

    @on(ErrorEvent)
    def _error(self, event: ErrorEvent, context: EventContext) -> None:
        self._notify(notices.ErrorReported(event=event, kind=classify(event), command=context.command))
        self._update_ended(context, event)

    def _update_ended(self, context: EventContext, error: ErrorEvent | None = None) -> None:
        if isinstance(context.command, SessionUpdateEvent):
            self._notify(notices.SessionUpdateEnded(event=context.command, error=error))

    @on(UnknownRealtimeEvent)
    def _unreadable(self, event: UnknownRealtimeEvent, context: EventContext) -> None:
        self._notify(notices.Unreadable(event=event, problem=event.problem))

    # --- the user's speech

    @on(InputAudioBufferSpeechStartedEvent)
    def _speech_started(self, event: InputAudioBufferSpeechStartedEvent, context: EventContext) -> None:
        self._notify(notices.SpeechStarted(item_id=event.item_id, audio_start_ms=event.audio_start_ms))

    @on(InputAudioBufferSpeechStoppedEvent)
    def _speech_stopped(self, event: InputAudioBufferSpeechStoppedEvent, context: EventContext) -> None:
        self._notify(notices.SpeechStopped(item_id=event.item_id, audio_end_ms=event.audio_end_ms))

    @on(InputAudioTranscriptionDeltaEvent)
    def _transcript_delta(self, event: InputAudioTranscriptionDeltaEvent, context: EventContext) -> None:
        if is_set(event.delta):
            self._notify(notices.UserTranscriptDelta(item_id=event.item_id, delta=event.delta))

    @on(InputAudioTranscriptionCompletedEvent)
    def _transcribed(self, event: InputAudioTranscriptionCompletedEvent, context: EventContext) -> None:
        if not context.told_before:
            self._notify(notices.UserTranscript(item_id=event.item_id, transcript=event.transcript))

    @on(InputAudioTranscriptionFailedEvent)
    def _not_transcribed(self, event: InputAudioTranscriptionFailedEvent, context: EventContext) -> None:
        message = event.error.message if is_set(event.error.message) else ""
        self._notify(notices.UserTranscriptFailed(item_id=event.item_id, message=message))

    # --- the model's answers

    @on(ResponseTextDeltaEvent, ResponseAudioTranscriptDeltaEvent)
    def _text_delta(
        self, event: ResponseTextDeltaEvent | ResponseAudioTranscriptDeltaEvent, context: EventContext
    ) -> None:
        self._notify(
            notices.TextDelta(
                response_id=event.response_id,
                item_id=event.item_id,
                content_index=event.content_index,
                delta=event.delta,
                spoken=isinstance(event, ResponseAudioTranscriptDeltaEvent),
            )
        )

    @on(ResponseCreatedEvent)
    def _response_created(self, event: ResponseCreatedEvent, context: EventContext) -> None:
        started = notices.ResponseStarted(response_id=str(event.response.id), in_conversation=not context.out_of_band)
        self._notify(started)

    @on(ResponseDoneEvent)
    def _response_done(self, event: ResponseDoneEvent, context: EventContext) -> None:
        self._notify(notices.ResponseFinished(untagged(event)))

    # --- items

    @on(ConversationItemAddedEvent, ConversationItemCreatedEvent)
    def _item_added(
        self, event: ConversationItemAddedEvent | ConversationItemCreatedEvent, context: EventContext
    ) -> None:
        stored = self._store.get(str(event.item.id))
        if stored is None:
            return
        self._notify(notices.ItemAdded(stored))
        if isinstance(event, ConversationItemCreatedEvent) and stored.done:
            self._notify(notices.ItemDone(stored))

    @on(ConversationItemDoneEvent)
    def _item_done(self, event: ConversationItemDoneEvent, context: EventContext) -> None:
        stored = self._store.get(str(event.item.id))
        if stored is not None:
            self._notify(notices.ItemDone(stored))

    @on(ConversationItemDeletedEvent)
    def _item_deleted(self, event: ConversationItemDeletedEvent, context: EventContext) -> None:
        self._notify(notices.ItemDeleted(event.item_id))

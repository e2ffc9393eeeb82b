"""The client's edits of the conversation: `conversation.item.create`, `retrieve`, `truncate` and `delete`."""

from __future__ import annotations

from duologue.events import (
    AudioPart,
    ConversationItemAddedEvent,
    ConversationItemCreateEvent,
    ConversationItemDeletedEvent,
    ConversationItemDeleteEvent,
    ConversationItemDoneEvent,
    ConversationItemRetrievedEvent,
    ConversationItemRetrieveEvent,
    ConversationItemTruncatedEvent,
    ConversationItemTruncateEvent,
    FunctionCallOutputItem,
    MessageItem,
    OutputAudioPart,
    is_set,
)
from duologue.protocol.server.conversation.client_items import entry_of
from duologue.protocol.server.conversation.items import ConversationItems
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.idle_timeout import IdleTimer
from duologue.protocol.server.input.pipeline import InputPipeline
from duologue.protocol.server.leniency import Leniency
from duologue.protocol.server.outgoing import Outgoing
from duologue.protocol.server.session import Session, encoding_of

__all__ = ["ItemEditor"]


class ItemEditor:
    """Carries out the edits and sends their events. A method that raises InvalidRequest has changed nothing."""

    def __init__(
        self,
        session: Session,
        conversation: ConversationItems,
        input_pipeline: InputPipeline,
        outgoing: Outgoing,
        *,
        leniency: Leniency,
        idle: IdleTimer,
        max_items: int,
    ) -> None:
        self._session = session
        self._conversation = conversation
        self._input = input_pipeline
        self._out = outgoing
        self._leniency = leniency
        self._idle = idle
        self._max_items = max_items

    def create(self, event: ConversationItemCreateEvent) -> None:
        """Insert a client's item."""
        if len(self._conversation) >= self._max_items:
            raise InvalidRequest("conversation_full", param="item", max=self._max_items)
        item = event.item
        if isinstance(item, MessageItem):
            for index, part in enumerate(item.content):
                if isinstance(part, OutputAudioPart | AudioPart):
                    param = f"item.content[{index}].type"
                    raise InvalidRequest("wrong_value", param=param, reason="assistant audio cannot be created")
        if isinstance(item, FunctionCallOutputItem) and not self._conversation.has_call(item.call_id):
            # Rule `error.unknown_call`. Language models reject an output without its call.
            fault = InvalidRequest("call_unknown", param="item.call_id", call_id=item.call_id, harmless=True)
            self._leniency.check(fault, event_type=event.type)
        entry = entry_of(item, "item", encoding=encoding_of(self._session.input), new_id=self._out.new_id)
        if self._input.claims(entry.item_id):
            raise InvalidRequest("item_exists", param="item.id", item_id=entry.item_id)
        self._conversation.insert_from_client(
            entry, after=event.previous_item_id if is_set(event.previous_item_id) else None
        )
        item, previous_item_id = entry.item, self._conversation.predecessor_id(entry.item_id)
        self._out.send(
            ConversationItemAddedEvent(event_id=self._out.event_id(), previous_item_id=previous_item_id, item=item),
            ConversationItemDoneEvent(event_id=self._out.event_id(), previous_item_id=previous_item_id, item=item),
        )
        if entry.audio:
            self._conversation.drop_old_audio()
            if self._session.transcription is not None:
                self._input.transcribe(entry)

    def retrieve(self, event: ConversationItemRetrieveEvent) -> None:
        """Send an item with its audio."""
        entry = self._conversation.get(event.item_id)
        if entry is None:
            raise InvalidRequest("retrieve_unknown", param="item_id", item_id=event.item_id)
        self._out.send(ConversationItemRetrievedEvent(event_id=self._out.event_id(), item=entry.with_audio()))

    def truncate(self, event: ConversationItemTruncateEvent) -> None:
        """Truncate speech that the user did not hear to its end."""
        if event.content_index != 0:
            reason = f"speech is always part 0, not {event.content_index}"
            raise InvalidRequest("wrong_value", param="content_index", reason=reason)
        if event.audio_end_ms < 0:
            reason = f"expected 0 or more, but got {event.audio_end_ms}"
            raise InvalidRequest("wrong_value", param="audio_end_ms", reason=reason)
        self._conversation.truncate(event.item_id, event.audio_end_ms)
        self._idle.stopped()
        self._out.send(
            ConversationItemTruncatedEvent(
                event_id=self._out.event_id(),
                item_id=event.item_id,
                content_index=event.content_index,
                audio_end_ms=event.audio_end_ms,
            )
        )

    def delete(self, event: ConversationItemDeleteEvent) -> None:
        """Remove an item."""
        if self._conversation.remove(event.item_id) is None:
            raise InvalidRequest("delete_unknown", param="item_id", item_id=event.item_id)
        self._out.send(ConversationItemDeletedEvent(event_id=self._out.event_id(), item_id=event.item_id))

"""The client's copy of a conversation: every item, in order, as far as it has arrived.

    receive                an event
    items · get · audio    immutable values

Events may arrive twice or out of order: each names the place of its item. The cost of an event does not depend on the
length of the conversation.
"""

from __future__ import annotations

from typing import Final

from duologue.events import (
    ConversationItem,
    ConversationItemAddedEvent,
    ConversationItemCreatedEvent,
    ConversationItemCreateEvent,
    ConversationItemDeletedEvent,
    ConversationItemDoneEvent,
    ConversationItemRetrievedEvent,
    ConversationItemTruncatedEvent,
    InputAudioBufferCommittedEvent,
    InputAudioPart,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionDeltaEvent,
    InputAudioTranscriptionFailedEvent,
    MessageItem,
    ResponseAudioDeltaEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseAudioTranscriptDoneEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    is_set,
)
from duologue.events.base import Maybe
from duologue.protocol.client.dispatch import EventContext, Part, on
from duologue.protocol.client.history.audio_store import AudioStore
from duologue.protocol.client.history.item_builder import ItemBuilder, StoredItem
from duologue.protocol.client.history.item_order import ItemOrder
from duologue.protocol.client.history.loose_items import LooseItems
from duologue.protocol.client.history.response_items import ResponseItems, key_of
from duologue.protocol.client.limits import PIECE_CHARACTERS, KeptLimits, size_of
from duologue.protocol.client.response_ids import response_id_of
from duologue.protocol.wire_limits import ROOT

__all__ = ["ConversationStore"]

_MAX_DETACHED: Final = 256
"""Items that are known and not in the conversation: those of responses out of band, which are dropped when the response
ends (rule `oob_silent`), and transcripts that arrive before their item."""


class ConversationStore(Part):
    """Items of one session. Audio is dropped; with `keep_audio_bytes` the newest of the model's is kept."""

    def __init__(self, *, keep_audio_bytes: int = 0, limits: KeptLimits | None = None) -> None:
        self._limits = limits or KeptLimits()
        self._sizes: dict[str, int] = {}
        self._characters = 0
        self.excess: str | None = None
        """The limit that the server has exceeded, as a clause; None while it has not."""
        self._order = ItemOrder()
        self._builders: dict[str, ItemBuilder] = {}
        self._responses = ResponseItems(self._builders)
        self._loose = LooseItems()
        self._last_told: tuple[object, str, int] | None = None
        """What the last event of a response named, which `_responses` need not be told again, and its item."""
        self._last_output = ItemBuilder("")
        self._detached: dict[str, None] = {}
        self._deleted: dict[str, str | None] = {}
        """Deleted items, and the id of the event that added each: if it arrives again, it is a repetition."""
        self._added_by: dict[str, str] = {}
        self._audio = AudioStore(keep_audio_bytes)
        self._names_predecessors = False
        self._cached: tuple[StoredItem, ...] | None = ()

    # --- what there is

    @property
    def items(self) -> tuple[StoredItem, ...]:
        """The conversation as it is now, in order."""
        if self._cached is None:
            self._cached = tuple(self._builders[item_id].snapshot() for item_id in self._order.ids)
        return self._cached

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._order

    def get(self, item_id: str) -> StoredItem | None:
        """One item as it is now; None if the conversation does not have it."""
        return self._builders[item_id].snapshot() if item_id in self._order else None

    def audio(self, item_id: str, content_index: int = 0) -> bytes | None:
        """The speech of a part that was kept, in the wire's format; None if it was not."""
        return self._audio.get(item_id, content_index)

    def clear(self) -> None:
        """Another session begins: its conversation is empty."""
        self._order = ItemOrder()
        self._builders.clear()
        self._responses.clear()
        self._loose = LooseItems()
        self._last_told = None
        self._detached.clear()
        self._deleted.clear()
        self._added_by.clear()
        self._audio.clear()
        self._sizes.clear()
        self._characters = 0
        self._cached = ()

    # --- the user's items and the client's

    @on(InputAudioBufferCommittedEvent)
    def _committed(self, event: InputAudioBufferCommittedEvent, context: EventContext) -> None:
        if event.item_id in self._order or event.item_id in self._deleted:
            return
        builder = self._builder(event.item_id)
        part = InputAudioPart(transcript=None)
        builder.started(MessageItem(id=event.item_id, role="user", status="in_progress", content=[part]))
        builder.is_user_speech = True
        self._place(event.item_id, event.previous_item_id)

    @on(ConversationItemAddedEvent, ConversationItemCreatedEvent)
    def _added(self, event: ConversationItemAddedEvent | ConversationItemCreatedEvent, context: EventContext) -> None:
        if not is_set(event.item.id):
            return
        item_id = str(event.item.id)
        if item_id in self._deleted and item_id not in self._order:
            if self._deleted[item_id] in (None, event.event_id):
                self._deleted[item_id] = event.event_id
                return
            del self._deleted[item_id]
        self._loose.told(event.item, context, known=item_id in self._builders)
        builder = self._builder(item_id)
        if isinstance(event, ConversationItemCreatedEvent) and _is_final(event.item):
            builder.finished(event.item)
        else:
            builder.started(event.item)
        context.transcripts = builder.transcribed_in(event.item)
        self._set_size(item_id, size_of(event.item))
        self._added_by[item_id] = event.event_id
        # Null means the first place (rules `prev_chain`, `item.root`), unless the server never names predecessors.
        command = context.command
        first = isinstance(command, ConversationItemCreateEvent) and command.previous_item_id == ROOT
        self._place(item_id, event.previous_item_id, first=first)

    @on(ConversationItemDoneEvent)
    def _done(self, event: ConversationItemDoneEvent, context: EventContext) -> None:
        if not is_set(event.item.id) or str(event.item.id) in self._deleted:
            return
        item_id = str(event.item.id)
        self._loose.told(event.item, context, known=item_id in self._builders)
        self._finished(item_id, event.item)
        context.transcripts = self._builder(item_id).transcribed_in(event.item)
        self._place(item_id, event.previous_item_id)

    @on(ConversationItemRetrievedEvent)
    def _retrieved(self, event: ConversationItemRetrievedEvent, context: EventContext) -> None:
        builder = self._builders.get(str(event.item.id)) if is_set(event.item.id) else None
        if builder is not None:
            builder.retrieved(event.item)
            self._set_size(builder.item_id, size_of(event.item))
            self._cached = None

    @on(ConversationItemTruncatedEvent)
    def _truncated(self, event: ConversationItemTruncatedEvent, context: EventContext) -> None:
        self._builder(event.item_id).truncated(event.content_index, event.audio_end_ms)
        if context.encoding is not None:
            n_bytes = context.encoding.bytes_for_ms(event.audio_end_ms)
            self._audio.cut(event.item_id, event.content_index, n_bytes)

    @on(ConversationItemDeletedEvent)
    def _delete(self, event: ConversationItemDeletedEvent, context: EventContext) -> None:
        item_id = event.item_id
        self._deleted[item_id] = self._added_by.pop(item_id, None)
        self._order.remove(item_id)
        self._builders.pop(item_id, None)
        self._detached.pop(item_id, None)
        self._audio.remove(item_id)
        self._cached = None
        self._set_size(item_id, 0)
        if len(self._deleted) > self._limits.items:
            del self._deleted[next(iter(self._deleted))]  # no event of an item deleted so long ago is on the way

    def _set_size(self, item_id: str, n_characters: int) -> None:
        """An item holds this many characters."""
        if n_characters and item_id not in self._builders:
            return
        self._characters += n_characters - self._sizes.pop(item_id, 0)
        if n_characters:
            self._sizes[item_id] = n_characters
            self._check_size(n_characters)

    def _add_size(self, item_id: str, text: str | None) -> None:
        """A piece of text is added to an item."""
        if item_id in self._builders:
            size = PIECE_CHARACTERS + len(text or "")
            self._characters += size
            size += self._sizes.get(item_id, 0)
            self._sizes[item_id] = size
            limits = self._limits
            if size > limits.item_characters or self._characters > limits.characters:
                self._check_size(size)

    def _check_size(self, n_characters: int) -> None:
        limits = self._limits
        if n_characters > limits.item_characters:
            self.excess = f"more than {limits.item_characters} characters in an item"
        elif self._characters > limits.characters:
            self.excess = f"more than {limits.characters} characters in a conversation"

    def _check_count(self) -> None:
        if max(len(self._builders), self._order.places // 2) > self._limits.items:
            self.excess = f"more than {self._limits.items} items"

    @on(InputAudioTranscriptionDeltaEvent)
    def _transcript_delta(self, event: InputAudioTranscriptionDeltaEvent, context: EventContext) -> None:
        if is_set(event.delta):
            index = event.content_index if is_set(event.content_index) else 0
            self._builder(event.item_id).transcript_delta(index, event.delta)
            self._add_size(event.item_id, event.delta)

    @on(InputAudioTranscriptionCompletedEvent)
    def _transcribed(self, event: InputAudioTranscriptionCompletedEvent, context: EventContext) -> None:
        builder = self._builder(event.item_id)
        context.told_before = not builder.transcribed(event.content_index, event.transcript)
        self._add_size(event.item_id, "" if context.told_before else event.transcript)

    @on(InputAudioTranscriptionFailedEvent)
    def _not_transcribed(self, event: InputAudioTranscriptionFailedEvent, context: EventContext) -> None:
        self._builder(event.item_id).transcription_failed(event.content_index)

    # --- the model's items

    @on(ResponseOutputItemAddedEvent)
    def _output_began(self, event: ResponseOutputItemAddedEvent, context: EventContext) -> None:
        builder = self._output(event.item.id, event.response_id, event.output_index)
        builder.started(event.item)
        self._set_size(builder.item_id, size_of(event.item))

    @on(ResponseOutputItemDoneEvent)
    def _output_ended(self, event: ResponseOutputItemDoneEvent, context: EventContext) -> None:
        key = self._output(event.item.id, event.response_id, event.output_index).item_id
        self._finished(key, event.item, event.response_id)
        if self._responses.has_ended_in_conversation(event.response_id) and is_set(event.item.id):
            self._place_last(key)

    @on(ResponseContentPartAddedEvent, ResponseContentPartDoneEvent)
    def _part(self, event: ResponseContentPartAddedEvent | ResponseContentPartDoneEvent, context: EventContext) -> None:
        final = type(event) is ResponseContentPartDoneEvent
        builder = self._output(event.item_id, event.response_id, event.output_index)
        self._add_size(builder.item_id, builder.part(event.content_index, event.part, final=final))

    @on(ResponseTextDeltaEvent, ResponseAudioTranscriptDeltaEvent)
    def _text_delta(
        self, event: ResponseTextDeltaEvent | ResponseAudioTranscriptDeltaEvent, context: EventContext
    ) -> None:
        spoken = type(event) is ResponseAudioTranscriptDeltaEvent
        builder = self._output(event.item_id, event.response_id, event.output_index)
        builder.text_delta(event.content_index, event.delta, spoken=spoken)
        self._add_size(builder.item_id, event.delta)

    @on(ResponseTextDoneEvent, ResponseAudioTranscriptDoneEvent)
    def _text_done(
        self, event: ResponseTextDoneEvent | ResponseAudioTranscriptDoneEvent, context: EventContext
    ) -> None:
        spoken = isinstance(event, ResponseAudioTranscriptDoneEvent)
        text = event.transcript if isinstance(event, ResponseAudioTranscriptDoneEvent) else event.text
        builder = self._output(event.item_id, event.response_id, event.output_index)
        builder.text_done(event.content_index, text, spoken=spoken)
        self._add_size(builder.item_id, text)

    @on(ResponseAudioDeltaEvent)
    def _audio_delta(self, event: ResponseAudioDeltaEvent, context: EventContext) -> None:
        if context.audio is not None:
            self._audio.add(event.item_id, event.content_index, context.audio)

    @on(ResponseFunctionCallArgumentsDeltaEvent)
    def _arguments_delta(self, event: ResponseFunctionCallArgumentsDeltaEvent, context: EventContext) -> None:
        builder = self._output(event.item_id, event.response_id, event.output_index)
        builder.arguments(event.delta, whole=False, call_id=event.call_id)
        self._add_size(builder.item_id, event.delta)

    @on(ResponseFunctionCallArgumentsDoneEvent)
    def _arguments_done(self, event: ResponseFunctionCallArgumentsDoneEvent, context: EventContext) -> None:
        builder = self._output(event.item_id, event.response_id, event.output_index)
        builder.arguments(event.arguments, whole=True, name=event.name, call_id=event.call_id)
        self._add_size(builder.item_id, event.arguments)

    def completed(self, event: ResponseDoneEvent) -> ResponseDoneEvent:
        """The end of a response with the items, words and arguments that were told before and that it lacks."""
        response_id = response_id_of(event.response)
        if not (is_set(event.response.output) and event.response.output) and not self._responses.has_told(response_id):
            for index, item_id in enumerate(self._loose.of(response_id)):
                if item_id in self._builders and self._builders[item_id].response_id is None:
                    self._responses.told(response_id, item_id, index, has_id=True)
                    self._builder(item_id, response_id)
        return self._responses.completed(event)

    @on(ResponseCreatedEvent)
    def _response_created(self, event: ResponseCreatedEvent, context: EventContext) -> None:
        self._loose.begins(response_id_of(event.response), context)

    @on(ResponseDoneEvent)
    def _response_done(self, event: ResponseDoneEvent, context: EventContext) -> None:
        self._cached = None
        response = event.response
        response_id = response_id_of(response)
        in_conversation = context.in_conversation
        if in_conversation is None:
            in_conversation = isinstance(response.conversation_id, str)
        for index, item in enumerate(response.output if is_set(response.output) else ()):
            if not is_set(item.id) or str(item.id) in self._deleted:
                continue
            item_id = str(item.id)
            builder = self._builders.get(item_id)
            if (builder is not None and not builder.done) or (builder is None and in_conversation):
                self._finished(item_id, item, response_id or None)
            if response_id:
                self._responses.told(response_id, item_id, index, has_id=True)
            if in_conversation:
                self._place_last(item_id)
        for item_id in [key for key in self._detached if self._builders[key].response_id == response_id]:
            del self._detached[item_id], self._builders[item_id]
            self._audio.remove(item_id)
            self._set_size(item_id, 0)
        self._responses.ended(response_id, in_conversation=in_conversation)
        self._last_told = None

    def _output(self, item_id: object, response_id: str, output_index: int) -> ItemBuilder:
        """The builder of an item of a response; the event is about to change it."""
        # Piece by piece an item is told by hundreds of events in a row.
        told, last = (item_id, response_id, output_index), self._last_output
        if told == self._last_told and self._builders.get(last.item_id) is last:
            self._cached = None
            return last
        key = key_of(item_id, response_id, output_index)
        self._responses.told(response_id, key, output_index, has_id=key == item_id)
        self._last_told, self._last_output = told, self._builder(key, response_id)
        return self._last_output

    def _finished(self, item_id: str, item: ConversationItem, response_id: str | None = None) -> None:
        builder = self._builder(item_id, response_id)
        builder.finished(item)
        self._set_size(item_id, size_of(builder.snapshot().item))

    # --- the order

    def _place(self, item_id: str, previous_item_id: Maybe[str], *, first: bool = False) -> None:
        if item_id in self._order:
            return
        self._cached = None
        self._detached.pop(item_id, None)
        if is_set(previous_item_id):
            self._names_predecessors = True
            self._order.place(item_id, after=previous_item_id)
        elif previous_item_id is None and (self._names_predecessors or first):
            self._order.place(item_id, after=None)
        else:  # the server never names predecessors
            self._order.append(item_id)

    def _place_last(self, item_id: str) -> None:
        if item_id not in self._order and item_id in self._builders:  # it is not a deleted one
            self._place(item_id, self._order.ids[-1] if len(self._order) else None)

    def _builder(self, item_id: str, response_id: str | None = None) -> ItemBuilder:
        """The builder of the item that an event names; the event is about to change it."""
        self._cached = None
        builder = self._builders.get(item_id)
        if builder is None:
            builder = ItemBuilder(item_id)
            if item_id in self._deleted:
                return builder  # a late event of a deleted item: the builder is not kept
            self._builders[item_id] = builder
            self._detached[item_id] = None
            self._check_count()
            if len(self._detached) > _MAX_DETACHED:
                oldest = next(iter(self._detached))
                del self._detached[oldest], self._builders[oldest]
                self._set_size(oldest, 0)
        if response_id is not None:
            builder.response_id = response_id
        return builder


def _is_final(item: ConversationItem) -> bool:
    """Whether a beta server's one event of an item (rule `item.create.beta`) has all of it: the model's start empty."""
    return getattr(item, "status", None) != "in_progress"

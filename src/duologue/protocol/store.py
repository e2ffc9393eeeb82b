"""A conversation as its client knows it: every item, in order, as far as it has come.

    receive · audio_received     what happened
    items · get · audio          what there is; values that never change under their reader

Events may come twice or out of order: each says all that is needed to put it where it belongs. An event of the server
costs the same however long the conversation is.
"""

from __future__ import annotations

from typing import Final

from duologue.audio.formats import Encoding
from duologue.events import (
    ConversationItem,
    ConversationItemAddedEvent,
    ConversationItemCreatedEvent,
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
    RealtimeEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseAudioTranscriptDoneEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
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
from duologue.protocol.drafts import ItemDraft, StoredItem
from duologue.protocol.item_order import ItemOrder
from duologue.protocol.kept_audio import KeptAudio
from duologue.protocol.kept_limits import PIECE_CHARACTERS, KeptLimits, size_of

__all__ = ["ConversationStore"]

_MOST_DETACHED: Final = 256
"""Items of which something is known but not that they are in the conversation: those of responses out of band, which
go when these end, and transcripts that are ahead of their item."""


class ConversationStore:
    """Items of one session. Audio is dropped; with `keep_audio_bytes` the newest of the model's is kept."""

    def __init__(self, *, keep_audio_bytes: int = 0, limits: KeptLimits | None = None) -> None:
        self._limits = limits or KeptLimits()
        self._sizes: dict[str, int] = {}
        self._characters = 0
        self.excess: str | None = None
        """What is too much to be kept, as a clause; None while it is not."""
        self._order = ItemOrder()
        self._drafts: dict[str, ItemDraft] = {}
        self._detached: dict[str, None] = {}
        self._deleted: dict[str, str | None] = {}
        """Items that are gone, and the event that had added each: seen again, it is a repetition."""
        self._added_by: dict[str, str] = {}
        self._audio = KeptAudio(keep_audio_bytes)
        self._names_predecessors = False
        self._cached: tuple[StoredItem, ...] | None = ()

    # --- what there is

    @property
    def items(self) -> tuple[StoredItem, ...]:
        """The conversation as it stands, in order."""
        if self._cached is None:
            self._cached = tuple(self._drafts[item_id].snapshot() for item_id in self._order.ids)
        return self._cached

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._order

    def get(self, item_id: str) -> StoredItem | None:
        """One item as it stands; None if the conversation does not have it."""
        return self._drafts[item_id].snapshot() if item_id in self._order else None

    def audio(self, item_id: str, content_index: int = 0) -> bytes | None:
        """The speech of a part that was kept, in the wire's format; None if it was not."""
        return self._audio.get(item_id, content_index)

    @property
    def kept_audio_bytes(self) -> int:
        """Size of all audio that is kept."""
        return self._audio.held_bytes

    # --- what happened

    def audio_received(self, item_id: str, content_index: int, audio: bytes) -> None:
        """A piece of the model's speech, decoded; does nothing unless audio is kept."""
        self._audio.add(item_id, content_index, audio)

    def clear(self) -> None:
        """Another session begins: its conversation is empty."""
        self._order = ItemOrder()
        self._drafts.clear()
        self._detached.clear()
        self._deleted.clear()
        self._added_by.clear()
        self._audio.clear()
        self._sizes.clear()
        self._characters = 0
        self._cached = ()

    def receive(self, event: RealtimeEvent, *, encoding: Encoding | None = None, first: bool = False) -> None:
        """An event of the server.

        `encoding` is that of the model's speech, needed to cut what is kept of it. `first` says that the event adds an
        item which was asked to be the first: null as its predecessor means that, and not that a server names none.
        """
        self._cached = None
        match event:
            case InputAudioBufferCommittedEvent():
                self._committed(event)
            case ConversationItemAddedEvent():
                self._added(event, final=False, first=first)
            case ConversationItemCreatedEvent():
                self._added(event, final=_is_final(event.item), first=first)
            case ConversationItemDoneEvent():
                self._done(event)
            case ConversationItemRetrievedEvent(item=item):
                draft = self._drafts.get(str(item.id)) if is_set(item.id) else None
                if draft is not None:
                    draft.retrieved(item)
                    self._holds(draft.item_id, size_of(item))
            case ConversationItemTruncatedEvent():
                self._draft(event.item_id).truncated(event.content_index, event.audio_end_ms)
                if encoding is not None:
                    n_bytes = encoding.bytes_for_ms(event.audio_end_ms)
                    self._audio.cut(event.item_id, event.content_index, n_bytes)
            case ConversationItemDeletedEvent():
                self._delete(event.item_id)
            case _:
                self._receive_transcription(event)

    def _receive_transcription(self, event: RealtimeEvent) -> None:
        match event:
            case InputAudioTranscriptionDeltaEvent():
                if is_set(event.delta):
                    self._draft(event.item_id).heard(_index(event.content_index), event.delta)
                    self._grows(event.item_id, event.delta)
            case InputAudioTranscriptionCompletedEvent():
                self._draft(event.item_id).heard_all(event.content_index, event.transcript)
                self._grows(event.item_id, event.transcript)
            case InputAudioTranscriptionFailedEvent():
                self._draft(event.item_id).not_heard(event.content_index)
            case _:
                self._receive_stream(event)

    def _receive_stream(self, event: RealtimeEvent) -> None:
        match event:
            case ResponseOutputItemAddedEvent(item=item):
                if is_set(item.id):
                    self._draft(str(item.id), event.response_id).began(item)
                    self._holds(str(item.id), size_of(item))
            case ResponseOutputItemDoneEvent(item=item):
                if is_set(item.id):
                    self._draft(str(item.id), event.response_id).ended(item)
                    self._holds(str(item.id), size_of(item))
            case ResponseContentPartAddedEvent():
                self._draft(event.item_id, event.response_id).part(event.content_index, event.part, final=False)
                self._grows(event.item_id, "")
            case ResponseContentPartDoneEvent():
                self._draft(event.item_id, event.response_id).part(event.content_index, event.part, final=True)
                self._grows(event.item_id, getattr(event.part, "text", None) or getattr(event.part, "transcript", None))
            case ResponseTextDeltaEvent():
                draft = self._draft(event.item_id, event.response_id)
                draft.said(event.content_index, event.delta, spoken=False)
                self._grows(event.item_id, event.delta)
            case ResponseAudioTranscriptDeltaEvent():
                draft = self._draft(event.item_id, event.response_id)
                draft.said(event.content_index, event.delta, spoken=True)
                self._grows(event.item_id, event.delta)
            case ResponseTextDoneEvent():
                draft = self._draft(event.item_id, event.response_id)
                draft.said_all(event.content_index, event.text, spoken=False)
                self._grows(event.item_id, event.text)
            case ResponseAudioTranscriptDoneEvent():
                draft = self._draft(event.item_id, event.response_id)
                draft.said_all(event.content_index, event.transcript, spoken=True)
                self._grows(event.item_id, event.transcript)
            case ResponseFunctionCallArgumentsDeltaEvent():
                self._draft(event.item_id, event.response_id).arguments(event.delta, whole=False)
                self._grows(event.item_id, event.delta)
            case ResponseFunctionCallArgumentsDoneEvent():
                self._draft(event.item_id, event.response_id).arguments(event.arguments, whole=True)
                self._grows(event.item_id, event.arguments)
            case ResponseDoneEvent():
                self._response_done(event)
            case _:
                pass

    # --- items come and go

    def _committed(self, event: InputAudioBufferCommittedEvent) -> None:
        if event.item_id in self._order or event.item_id in self._deleted:
            return
        draft = self._draft(event.item_id)
        part = InputAudioPart(transcript=None)
        draft.began(MessageItem(id=event.item_id, role="user", status="in_progress", content=[part]))
        self._place(event.item_id, event.previous_item_id)

    def _added(
        self, event: ConversationItemAddedEvent | ConversationItemCreatedEvent, *, final: bool, first: bool
    ) -> None:
        if not is_set(event.item.id):
            return
        item_id = str(event.item.id)
        if item_id in self._deleted and item_id not in self._order:
            if self._deleted[item_id] in (None, event.event_id):
                self._deleted[item_id] = event.event_id
                return
            del self._deleted[item_id]
        draft = self._draft(item_id)
        draft.ended(event.item) if final else draft.began(event.item)
        self._holds(item_id, size_of(event.item))
        self._added_by[item_id] = event.event_id
        self._place(item_id, event.previous_item_id, first=first)

    def _done(self, event: ConversationItemDoneEvent) -> None:
        if not is_set(event.item.id) or str(event.item.id) in self._deleted:
            return
        item_id = str(event.item.id)
        self._draft(item_id).ended(event.item)
        self._holds(item_id, size_of(event.item))
        self._place(item_id, event.previous_item_id)

    def _delete(self, item_id: str) -> None:
        self._deleted[item_id] = self._added_by.pop(item_id, None)
        self._order.remove(item_id)
        self._drafts.pop(item_id, None)
        self._detached.pop(item_id, None)
        self._audio.remove(item_id)
        self._holds(item_id, 0)
        if len(self._deleted) > self._limits.items:
            del self._deleted[next(iter(self._deleted))]  # of what was deleted so long ago nothing is on the way

    def _holds(self, item_id: str, n_characters: int) -> None:
        """All that an item holds."""
        if n_characters and item_id not in self._drafts:
            return
        self._characters += n_characters - self._sizes.pop(item_id, 0)
        if n_characters:
            self._sizes[item_id] = n_characters
            self._check_size(n_characters)

    def _grows(self, item_id: str, text: str | None) -> None:
        """A piece of text is added to what an item holds."""
        if item_id in self._drafts:
            size = PIECE_CHARACTERS + len(text or "")
            self._characters += size
            size += self._sizes.get(item_id, 0)
            self._sizes[item_id] = size
            self._check_size(size)

    def _check_size(self, n_characters: int) -> None:
        limits = self._limits
        if n_characters > limits.item_characters:
            self.excess = f"more than {limits.item_characters} characters in an item"
        elif self._characters > limits.characters:
            self.excess = f"more than {limits.characters} characters in a conversation"

    def _check_count(self) -> None:
        if max(len(self._drafts), self._order.places // 2) > self._limits.items:
            self.excess = f"more than {self._limits.items} items"

    def _response_done(self, event: ResponseDoneEvent) -> None:
        response = event.response
        for item in response.output if is_set(response.output) else ():
            if not is_set(item.id) or str(item.id) in self._deleted:
                continue
            item_id = str(item.id)
            draft = self._drafts.get(item_id)
            if draft is not None and not draft.done:
                draft.ended(item)
                self._holds(item_id, size_of(item))
            elif draft is None and isinstance(response.conversation_id, str):
                self._draft(item_id, response.id if is_set(response.id) else None).ended(item)
                self._holds(item_id, size_of(item))
            if isinstance(response.conversation_id, str) and item_id not in self._order:
                self._place(item_id, self._order.ids[-1] if len(self._order) else None)
        for item_id in [key for key in self._detached if self._drafts[key].response_id == response.id]:
            del self._detached[item_id], self._drafts[item_id]
            self._audio.remove(item_id)
            self._holds(item_id, 0)

    def _place(self, item_id: str, previous_item_id: Maybe[str], *, first: bool = False) -> None:
        if item_id in self._order:
            return
        self._detached.pop(item_id, None)
        if is_set(previous_item_id):
            self._names_predecessors = True
            self._order.place(item_id, after=previous_item_id)
        elif previous_item_id is None and (self._names_predecessors or first):
            self._order.place(item_id, after=None)
        else:  # null of a server that never names predecessors says nothing
            self._order.append(item_id)

    def _draft(self, item_id: str, response_id: str | None = None) -> ItemDraft:
        draft = self._drafts.get(item_id)
        if draft is None:
            draft = ItemDraft(item_id)
            if item_id in self._deleted:
                return draft  # its events are on the way still; nobody reads what they make
            self._drafts[item_id] = draft
            self._detached[item_id] = None
            self._check_count()
            if len(self._detached) > _MOST_DETACHED:
                oldest = next(iter(self._detached))
                del self._detached[oldest], self._drafts[oldest]
                self._holds(oldest, 0)
        if response_id is not None:
            draft.response_id = response_id
        return draft


def _index(content_index: Maybe[int]) -> int:
    return content_index if is_set(content_index) else 0


def _is_final(item: ConversationItem) -> bool:
    """Whether a beta server's one event per item tells the whole of it: those of the model begin empty."""
    return getattr(item, "status", None) != "in_progress"

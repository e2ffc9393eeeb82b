"""The server's items, in order, with what the wire does not show: audio, transcripts and their cost in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.events import (
    ConversationItem,
    FunctionCallItem,
    InputAudioPart,
    MessageItem,
    OutputAudioPart,
    UnknownItem,
    is_set,
)
from duologue.events.base import encode_audio
from duologue.protocol.server.account import MemoryAccount, held_bytes
from duologue.protocol.server.conversation.audio_pieces import AudioPieces
from duologue.protocol.server.conversation.transcript_alignment import SpokenText
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.wire_limits import ROOT

__all__ = ["ConversationItems", "Entry", "with_transcript"]


class Entry(Struct, kw_only=True):
    """One item and its audio."""

    item: ConversationItem
    audio: AudioPieces = msgspec.field(default_factory=AudioPieces)
    encoding: Encoding | None = None
    transcript: str | None = None
    """Of a user's speech: its transcript, None until it is transcribed. Of the model's speech: the words that were
    voiced, if these are fewer than the item's transcript."""
    transcribing: bool = False
    transcribing_bytes: int = 0
    """Audio that its running transcription holds, in addition to `audio`."""
    keeps_audio: bool = True
    """Whether more of the model's speech is kept; False once it was too much."""
    spoken: SpokenText | None = None
    """The words of the model's speech, aligned with its audio."""
    counted_tokens: tuple[ConversationItem, str | None, int] | None = None
    """A cache: the item and transcript whose tokens were counted, and the count."""
    transcribed: tuple[ConversationItem, str, ConversationItem] | None = None
    """A cache: the item and transcript that were joined, and the item of both."""
    cost_bytes: int = 0
    """What the item takes in memory, as the conversation has counted it."""
    truncated_transcript: str | None = None
    """What the client's truncation left of the transcript; None if it was not truncated. What the model says after it
    is no longer part of the conversation."""

    @property
    def item_id(self) -> str:
        """The item's id; every item of a conversation has one."""
        return str(self.item.id)

    @property
    def length_bytes(self) -> int:
        """Length of the speech, whether its audio is kept or not."""
        if self.audio or self.spoken is None or self.truncated_transcript is not None:
            return len(self.audio)
        return self.spoken.audio_bytes

    def is_settled(self) -> bool:
        """Whether its audio is complete and its transcript known."""
        return self.transcript is not None if self.spoken is None else self.spoken.ended

    def is_untranscribed(self) -> bool:
        """Whether it is a user's speech for which no transcription was requested."""
        return self.spoken is None and self.transcript is None and not self.transcribing

    def for_responder(self) -> ConversationItem:
        """The item as a responder reads it: with the words that were spoken as its transcript."""
        if self.transcript is None:
            return self.item
        joined = self.transcribed
        if joined is None or joined[0] is not self.item or joined[1] is not self.transcript:
            joined = self.transcribed = (self.item, self.transcript, with_transcript(self.item, self.transcript))
        return joined[2]

    def with_audio(self) -> ConversationItem:
        """The item with its audio, as only `conversation.item.retrieved` has it (rule `no_audio_in_items`)."""
        if not self.audio or not isinstance(self.item, MessageItem):
            return self.item
        parts = [
            msgspec.structs.replace(part, audio=encode_audio(bytes(self.audio)))
            if isinstance(part, InputAudioPart | OutputAudioPart)
            else part
            for part in self.item.content
        ]
        return msgspec.structs.replace(self.item, content=parts)


def with_transcript(item: ConversationItem, transcript: str) -> ConversationItem:
    """The item with the transcript of its speech filled in."""
    if not isinstance(item, MessageItem):
        return item
    parts: list[Any] = [
        msgspec.structs.replace(part, transcript=transcript)
        if isinstance(part, InputAudioPart | OutputAudioPart)
        else part
        for part in item.content
    ]
    return msgspec.structs.replace(item, content=parts)


class ConversationItems:
    """The items, in the order in which the model reads them."""

    def __init__(
        self, conversation_id: str, *, max_audio_bytes: int, max_bytes: int, max_item_bytes: int, account: MemoryAccount
    ) -> None:
        """Above `max_audio_bytes` the oldest audio is dropped; its items stay. A client's item is rejected above
        `max_item_bytes`, and where all items would take more than `max_bytes`."""
        self.conversation_id = conversation_id
        self.max_item_bytes = max_item_bytes
        self._max_audio_bytes = max_audio_bytes
        self._max_bytes = max_bytes
        self._account = account
        account.release_by(self.release_audio)
        self._entries: dict[str, Entry] = {}
        self._item_bytes = 0
        self._audio_bytes = 0
        self._removed_bytes = 0
        self.being_read: bool = False
        """Whether a response reads the items: a removed item stays in memory until it ends."""

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    @property
    def last_id(self) -> str | None:
        """Id of the last item."""
        return next(reversed(self._entries), None)

    def get(self, item_id: str) -> Entry | None:
        """The item's entry, if the conversation has it."""
        return self._entries.get(item_id)

    def predecessor_id(self, item_id: str) -> str | None:
        """Id of the item before this one; None for the first."""
        backwards = reversed(self._entries)
        if next(backwards, None) == item_id:
            return next(backwards, None)
        before = None
        for other in self._entries:
            if other == item_id:
                return before
            before = other
        return None

    def insert_from_client(self, entry: Entry, *, after: str | None = None) -> None:
        """Insert a client's item. Raises InvalidRequest, also where it does not fit; nothing has changed then."""
        self._check(entry, after)
        cost = held_bytes(entry.item)
        if cost > self.max_item_bytes:
            raise InvalidRequest("item_too_large", param="item", max=self.max_item_bytes, got=cost)
        if self._item_bytes + cost > self._max_bytes:
            raise InvalidRequest("conversation_too_large", param="item", max=self._max_bytes)
        # Only whether it fits: `_enter` counts it, by its kinds.
        self._account.take("items", cost + len(entry.audio), param="item")
        self._account.change("items", -cost - len(entry.audio))
        self._enter(entry, after, cost)

    def insert(self, entry: Entry, *, after: str | None = None) -> None:
        """Insert an item at the end, or behind the item `after`, or first (`ROOT`). Raises InvalidRequest."""
        self._check(entry, after)
        self._enter(entry, after, held_bytes(entry.item))

    def _enter(self, entry: Entry, after: str | None, cost_bytes: int) -> None:
        self._place(entry, after)
        entry.cost_bytes = cost_bytes
        self._item_bytes += cost_bytes
        self._account.change("items", cost_bytes)
        self._count_audio(len(entry.audio))

    def _check(self, entry: Entry, after: str | None) -> None:
        if isinstance(entry.item, UnknownItem):
            raise InvalidRequest("not_supported", param="item.type", value=entry.item.type)
        if entry.item_id in self._entries:
            raise InvalidRequest("item_exists", param="item.id", item_id=entry.item_id)
        if after is not None and after != ROOT and after not in self._entries:
            raise InvalidRequest("previous_unknown", param="previous_item_id", item_id=after)

    def _place(self, entry: Entry, after: str | None) -> None:
        if after is None or after == self.last_id:
            self._entries[entry.item_id] = entry
            return
        order = list(self._entries.items())
        place = 0 if after == ROOT else [item_id for item_id, _ in order].index(after) + 1
        order.insert(place, (entry.item_id, entry))
        self._entries = dict(order)

    def remove(self, item_id: str) -> Entry | None:
        """Remove an item and return its entry; None if there is no such item."""
        entry = self._entries.pop(item_id, None)
        if entry is not None:
            self._item_bytes -= entry.cost_bytes
            self._audio_bytes -= len(entry.audio)
            self._account.change("items", -entry.cost_bytes)
            removed_bytes = entry.cost_bytes if self.being_read else 0
            if entry.transcribing:
                entry.transcribing_bytes += len(entry.audio)
            else:
                self._account.change("audio", -len(entry.audio))
                removed_bytes += len(entry.audio) if self.being_read else 0
            self._removed_bytes += removed_bytes
            self._account.change("responses", removed_bytes)
        return entry

    def responses_ended(self) -> None:
        """The last running response has ended: items that were removed in the meantime are released."""
        self.being_read = False
        self._account.change("responses", -self._removed_bytes)
        self._removed_bytes = 0

    # --- memory

    def fits(self, value: Any) -> bool:
        """Whether an item may grow by this value."""
        return held_bytes(value) <= min(self.max_item_bytes, self._max_bytes - self._item_bytes)

    def recount(self, entry: Entry) -> None:
        """Count an item again after a change."""
        if self._entries.get(entry.item_id) is entry:
            before, entry.cost_bytes = entry.cost_bytes, held_bytes(entry.item)
            self._item_bytes += entry.cost_bytes - before
            self._account.change("items", entry.cost_bytes - before)

    def keep_audio(self, entry: Entry, audio: bytes) -> None:
        """Keep more of the model's speech. If it does not fit, drop all of this item's audio; the speech goes on."""
        if self._entries.get(entry.item_id) is not entry or not entry.keeps_audio:
            return
        if len(entry.audio) + len(audio) <= self._max_audio_bytes and self._account.fits("audio", len(audio)):
            self._audio_bytes += len(audio)
            entry.audio.add(audio)
        else:
            entry.keeps_audio = False
            self._drop_audio(entry)

    def _drop_audio(self, entry: Entry) -> None:
        self._count_audio(-len(entry.audio))
        entry.audio = AudioPieces()

    def _count_audio(self, n_bytes: int) -> None:
        self._audio_bytes += n_bytes
        self._account.change("audio", n_bytes)

    def drop_old_audio(self) -> None:
        """Drop the oldest audio above the limit: first transcribed speech, then speech not in transcription."""
        for may_go in (Entry.is_settled, Entry.is_untranscribed) if self._audio_bytes > self._max_audio_bytes else ():
            for entry in self:
                if self._audio_bytes <= self._max_audio_bytes:
                    return
                if entry.audio and entry.item_id != self.last_id and may_go(entry):
                    self._drop_audio(entry)
                    if entry.spoken is None and entry.transcript is None:
                        entry.transcript = ""  # its audio is gone, so it cannot be transcribed

    def release_audio(self, n_bytes: int) -> bool:
        """Drop the oldest audio of settled items, so many bytes of it if there are as many: it is kept only for clients
        that ask for it, and goes before anything is rejected. Returns whether any was dropped."""
        before_bytes = self._audio_bytes
        for entry in self:
            if before_bytes - self._audio_bytes >= n_bytes:
                break
            if entry.audio and entry.item_id != self.last_id and entry.is_settled() and not entry.transcribing_bytes:
                self._drop_audio(entry)
        return self._audio_bytes < before_bytes

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        """Truncate the model's speech, and its transcript after the last whole word before the cut.

        Raises InvalidRequest (rules `error.truncate_unknown`, `error.truncate_not_audio`, `error.truncate_too_late`).
        """
        entry = self._entries.get(item_id)
        if entry is None:
            raise InvalidRequest("truncate_unknown", param="item_id", item_id=item_id)
        item = entry.item
        if not isinstance(item, MessageItem) or entry.encoding is None or item.role != "assistant":
            raise InvalidRequest("truncate_not_audio")
        held_ms = entry.encoding.duration_ms(entry.length_bytes)
        # Speech seldom ends at a whole millisecond, and some clients round up.
        begun_ms = 1 if entry.encoding.bytes_for_ms(held_ms) < entry.length_bytes else 0
        if audio_end_ms > held_ms + begun_ms:
            raise InvalidRequest("truncate_too_late", param="audio_end_ms", held_ms=held_ms, audio_end_ms=audio_end_ms)
        kept_bytes = min(entry.encoding.bytes_for_ms(audio_end_ms), entry.length_bytes)
        kept = entry.spoken.words_until(kept_bytes) if entry.spoken is not None else ""
        before_bytes = len(entry.audio)
        entry.audio.keep(kept_bytes)
        self._count_audio(len(entry.audio) - before_bytes)
        entry.truncated_transcript = entry.transcript = kept
        entry.item = with_transcript(item, kept)
        self.recount(entry)

    def has_call(self, call_id: str) -> bool:
        """Whether the conversation has this call, made by the model or created by the client."""
        return any(isinstance(entry.item, FunctionCallItem) and entry.item.call_id == call_id for entry in self)

    def has_assistant_audio(self) -> bool:
        """Whether the model has spoken."""
        return any(
            isinstance(entry.item, MessageItem)
            and any(isinstance(part, OutputAudioPart) and is_set(part.transcript) for part in entry.item.content)
            for entry in self
        )

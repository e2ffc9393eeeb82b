"""One item while it is being built from its events."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from duologue.events import (
    AudioPart,
    ContentPart,
    ConversationItem,
    FunctionCallItem,
    InputAudioPart,
    MessageItem,
    OutputAudioPart,
    OutputTextPart,
    TextPart,
    is_set,
)

__all__ = ["ItemBuilder", "StoredItem", "without_audio"]

_Speech: TypeAlias = InputAudioPart | OutputAudioPart | AudioPart


class StoredItem(Struct, frozen=True, kw_only=True):
    """An immutable snapshot of an item."""

    item_id: str
    item: ConversationItem
    """As on the wire, without audio; an unfinished part holds what has arrived of it."""
    done: bool
    """Whether the item is final; a late transcript, a truncation or a deletion may still follow."""
    response_id: str | None = None
    truncated_at_ms: int | None = None
    """Where the speech was cut off. The transcript of that part is then empty (rule `item.truncate_drops_transcript`):
    it has more words than were played, and no event says how many. A server that knows sends the words that were
    played when the item is retrieved."""
    transcription_failed: bool = False

    @property
    def text(self) -> str:
        """The text and the transcripts of all parts, joined by spaces; empty for items without words."""
        if not isinstance(self.item, MessageItem):
            return ""
        words = (getattr(part, "text", None) or getattr(part, "transcript", None) for part in self.item.content)
        return " ".join(word for word in words if isinstance(word, str) and word)


class _PartBuilder(Struct):
    part: ContentPart | None = None
    pieces: list[str] = field(default_factory=list)
    spoken: bool = False
    final: str | None = None
    """The whole text, once an event has brought it; later pieces are repetitions."""

    def text(self) -> str:
        if self.final is not None:
            return self.final
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else ""

    def build(self) -> ContentPart:
        match self.part:
            case None:
                return OutputAudioPart(transcript=self.text()) if self.spoken else OutputTextPart(text=self.text())
            case TextPart() | OutputTextPart():
                return OutputTextPart(text=self.text())
            case AudioPart() | OutputAudioPart():
                return OutputAudioPart(transcript=self.text())
            case other:
                return other


class ItemBuilder:
    """Collects the events of one item. The cost of an event does not depend on their number."""

    def __init__(self, item_id: str, *, response_id: str | None = None) -> None:
        self.item_id = item_id
        self.response_id = response_id
        self.done = False
        self._item: ConversationItem | None = None
        self._parts: dict[int, _PartBuilder] = {}
        self._arguments: list[str] = []
        self._all_arguments: str | None = None
        self._transcript_pieces: dict[int, list[str]] = {}
        self._transcripts: dict[int, str] = {}
        self._transcription_failed = False
        self._truncated_at_ms: int | None = None
        self._cut: set[int] = set()
        self._retrieved = False
        self._cached: StoredItem | None = None

    # --- events of the item

    def started(self, item: ConversationItem) -> None:
        """The item at its start; the model's are empty then."""
        if not self.done:
            self._item = without_audio(item)
            self._cached = None

    def finished(self, item: ConversationItem) -> None:
        """The item in full."""
        if self._retrieved:
            return  # the retrieved item is newer; this one may have words that were not played
        self._item = without_audio(item)
        self._parts.clear()
        self._arguments.clear()
        self.done = True
        self._cached = None

    def part(self, index: int, part: ContentPart, *, final: bool) -> None:
        """A content part at its start or at its end."""
        if self.done:
            return
        builder = self._part(index)
        builder.part = part
        text = getattr(part, "text", None) or getattr(part, "transcript", None)
        if final and isinstance(text, str):
            builder.final = text

    def text_delta(self, index: int, delta: str, *, spoken: bool) -> None:
        """The next piece of a part's text or transcript."""
        if self.done:
            return
        builder = self._part(index)
        builder.spoken |= spoken
        if builder.final is None:
            builder.pieces.append(delta)

    def text_done(self, index: int, text: str, *, spoken: bool) -> None:
        """A part's text or transcript in full."""
        if self.done:
            return
        builder = self._part(index)
        builder.spoken |= spoken
        builder.final = text

    def arguments(self, delta: str, *, whole: bool) -> None:
        """The next piece of a call's arguments, or all of them."""
        if self.done:
            return
        if self._all_arguments is None:
            self._arguments.append(delta)
        if whole:
            self._all_arguments = delta
        self._cached = None

    def transcript_delta(self, index: int, delta: str) -> None:
        """The next piece of the user's transcript."""
        if index not in self._transcripts:
            self._transcript_pieces.setdefault(index, []).append(delta)
            self._cached = None

    def transcribed(self, index: int, transcript: str) -> None:
        """The user's whole transcript of a part."""
        self._transcripts[index] = transcript
        self._transcript_pieces.pop(index, None)
        self._transcription_failed = False
        self._cached = None

    def transcription_failed(self, index: int) -> None:
        """The user's speech in a part could not be transcribed."""
        if index not in self._transcripts:
            self._transcript_pieces.pop(index, None)
            self._transcription_failed = True
            self._cached = None

    def truncated(self, index: int, audio_end_ms: int) -> None:
        """The model's speech in a part was cut, and with it its transcript (rule `item.truncate_drops_transcript`)."""
        self._truncated_at_ms = audio_end_ms
        self._cut.add(index)
        self._cached = None

    def retrieved(self, item: ConversationItem) -> None:
        """The final item as the server has it now; after a cut, only with the words that were played."""
        if not self.done:
            return
        self._retrieved = False
        self.finished(item)
        self._retrieved = self._truncated_at_ms is not None
        self._cut.clear()

    # --- the item that they make

    def snapshot(self) -> StoredItem:
        """The item as it is now."""
        if self._cached is None:
            self._cached = StoredItem(
                item_id=self.item_id,
                item=self._build(),
                done=self.done,
                response_id=self.response_id,
                truncated_at_ms=self._truncated_at_ms,
                transcription_failed=self._transcription_failed,
            )
        return self._cached

    def _part(self, index: int) -> _PartBuilder:
        self._cached = None
        return self._parts.setdefault(index, _PartBuilder())

    def _build(self) -> ConversationItem:
        match self._item:
            case MessageItem() as item:
                return msgspec.structs.replace(item, content=self._content(item.content))
            case FunctionCallItem() as item if self._arguments:
                self._arguments = ["".join(self._arguments)] if self._all_arguments is None else [self._all_arguments]
                return msgspec.structs.replace(item, arguments=self._arguments[0])
            case None:
                return MessageItem(id=self.item_id, role="assistant", status="in_progress", content=self._content([]))
            case item:
                return item

    def _content(self, known: list[ContentPart]) -> list[ContentPart]:
        parts = dict(enumerate(known))
        parts.update((index, builder.build()) for index, builder in self._parts.items())
        return [self._filled_in(index, parts[index]) for index in sorted(parts)]

    def _filled_in(self, index: int, part: ContentPart) -> ContentPart:
        """The part with what other events say of it: the user's transcript, the cut of the model's speech."""
        match part:
            case InputAudioPart():
                transcript: str | UnsetType | None = self._transcripts.get(index)
                if transcript is None:
                    pieces = self._transcript_pieces.get(index)
                    transcript = part.transcript if pieces is None else "".join(pieces)
                return msgspec.structs.replace(part, transcript=transcript)
            case OutputAudioPart() | AudioPart() if index in self._cut:
                return msgspec.structs.replace(part, transcript="")
            case _:
                return part


def without_audio(item: ConversationItem) -> ConversationItem:
    """The item without its base64 audio, which is a thousand times as large as the rest."""
    if not isinstance(item, MessageItem) or not any(is_set(getattr(part, "audio", None)) for part in item.content):
        return item
    parts: list[Any] = [
        msgspec.structs.replace(part, audio=UNSET) if isinstance(part, _Speech) else part for part in item.content
    ]
    return msgspec.structs.replace(item, content=parts)

"""One item while it comes about: what its events have told so far, and the item that makes."""

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

__all__ = ["ItemDraft", "StoredItem", "without_audio"]

_Speech: TypeAlias = InputAudioPart | OutputAudioPart | AudioPart


class StoredItem(Struct, frozen=True, kw_only=True):
    """An item as it stood at one moment. Nothing in it changes later; a newer moment is another value."""

    item_id: str
    item: ConversationItem
    """As the wire shows items, without audio; parts under way hold what has come of them."""
    done: bool
    """Whether the item is final; a late transcript, a cut or a deletion may still come."""
    response_id: str | None = None
    truncated_at_ms: int | None = None
    """Where the speech was cut off. The transcript of the part is empty then: it said more than was
    heard, and no event says how much more. A server that knows says so when the item is retrieved."""
    transcription_failed: bool = False

    @property
    def text(self) -> str:
        """All that is written or said in the item, parts joined by spaces; empty for items without words."""
        if not isinstance(self.item, MessageItem):
            return ""
        words = (getattr(part, "text", None) or getattr(part, "transcript", None) for part in self.item.content)
        return " ".join(word for word in words if isinstance(word, str) and word)


class _PartDraft(Struct):
    part: ContentPart | None = None
    pieces: list[str] = field(default_factory=list)
    spoken: bool = False
    final: str | None = None
    """The whole text, once an event has told it; later pieces are repetitions."""

    def text(self) -> str:
        if self.final is not None:
            return self.final
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else ""

    def made(self) -> ContentPart:
        match self.part:
            case None:
                return OutputAudioPart(transcript=self.text()) if self.spoken else OutputTextPart(text=self.text())
            case TextPart() | OutputTextPart():
                return OutputTextPart(text=self.text())
            case AudioPart() | OutputAudioPart():
                return OutputAudioPart(transcript=self.text())
            case other:
                return other


class ItemDraft:
    """Collects the events of one item. Costs what its events cost, however many they are."""

    def __init__(self, item_id: str, *, response_id: str | None = None) -> None:
        self.item_id = item_id
        self.response_id = response_id
        self.done = False
        self._item: ConversationItem | None = None
        self._parts: dict[int, _PartDraft] = {}
        self._arguments: list[str] = []
        self._all_arguments: str | None = None
        self._heard: dict[int, list[str]] = {}
        self._transcripts: dict[int, str] = {}
        self._transcription_failed = False
        self._truncated_at_ms: int | None = None
        self._cut: set[int] = set()
        self._retrieved = False
        self._cached: StoredItem | None = None

    # --- what the events tell

    def began(self, item: ConversationItem) -> None:
        """The item as it began, which for the model's items is empty."""
        if not self.done:
            self._item = without_audio(item)
            self._cached = None

    def ended(self, item: ConversationItem) -> None:
        """The item in full."""
        if self._retrieved:
            return  # it was told again since, and the whole of it may be more than was heard
        self._item = without_audio(item)
        self._parts.clear()
        self._arguments.clear()
        self.done = True
        self._cached = None

    def part(self, index: int, part: ContentPart, *, final: bool) -> None:
        """A content part, as it began or as it ended."""
        if self.done:
            return
        draft = self._part(index)
        draft.part = part
        text = getattr(part, "text", None) or getattr(part, "transcript", None)
        if final and isinstance(text, str):
            draft.final = text

    def said(self, index: int, delta: str, *, spoken: bool) -> None:
        """The next piece of a part's text or transcript."""
        if self.done:
            return
        draft = self._part(index)
        draft.spoken |= spoken
        if draft.final is None:
            draft.pieces.append(delta)

    def said_all(self, index: int, text: str, *, spoken: bool) -> None:
        """A part's text or transcript in full."""
        if self.done:
            return
        draft = self._part(index)
        draft.spoken |= spoken
        draft.final = text

    def arguments(self, delta: str, *, whole: bool) -> None:
        """The next piece of a call's arguments, or all of them."""
        if self.done:
            return
        if self._all_arguments is None:
            self._arguments.append(delta)
        if whole:
            self._all_arguments = delta
        self._cached = None

    def heard(self, index: int, delta: str) -> None:
        """The next piece of what the user said."""
        if index not in self._transcripts:
            self._heard.setdefault(index, []).append(delta)
            self._cached = None

    def heard_all(self, index: int, transcript: str) -> None:
        """What the user said in a part."""
        self._transcripts[index] = transcript
        self._heard.pop(index, None)
        self._transcription_failed = False
        self._cached = None

    def not_heard(self, index: int) -> None:
        """What the user said in a part cannot be told."""
        if index not in self._transcripts:
            self._heard.pop(index, None)
            self._transcription_failed = True
            self._cached = None

    def truncated(self, index: int, audio_end_ms: int) -> None:
        """The model's speech in a part was cut; the server dropped its transcript."""
        self._truncated_at_ms = audio_end_ms
        self._cut.add(index)
        self._cached = None

    def retrieved(self, item: ConversationItem) -> None:
        """The final item as the server has it now, which after a cut is without what was not heard."""
        if not self.done:
            return
        self._retrieved = False
        self.ended(item)
        self._retrieved = self._truncated_at_ms is not None
        self._cut.clear()

    # --- what that makes

    def snapshot(self) -> StoredItem:
        """The item as it stands."""
        if self._cached is None:
            self._cached = StoredItem(
                item_id=self.item_id,
                item=self._made(),
                done=self.done,
                response_id=self.response_id,
                truncated_at_ms=self._truncated_at_ms,
                transcription_failed=self._transcription_failed,
            )
        return self._cached

    def _part(self, index: int) -> _PartDraft:
        self._cached = None
        return self._parts.setdefault(index, _PartDraft())

    def _made(self) -> ConversationItem:
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

    def _content(self, told: list[ContentPart]) -> list[ContentPart]:
        parts = dict(enumerate(told))
        parts.update((index, draft.made()) for index, draft in self._parts.items())
        return [self._filled_in(index, parts[index]) for index in sorted(parts)]

    def _filled_in(self, index: int, part: ContentPart) -> ContentPart:
        """The part with what came beside the item's own events: transcripts of the user, cuts of the model."""
        match part:
            case InputAudioPart():
                transcript: str | UnsetType | None = self._transcripts.get(index)
                if transcript is None:
                    transcript = "".join(self._heard[index]) if index in self._heard else part.transcript
                return msgspec.structs.replace(part, transcript=transcript)
            case OutputAudioPart() | AudioPart() if index in self._cut:
                return msgspec.structs.replace(part, transcript="")
            case _:
                return part


def without_audio(item: ConversationItem) -> ConversationItem:
    """The item without the base64 of its audio, which is a thousand times the rest of it."""
    if not isinstance(item, MessageItem) or not any(is_set(getattr(part, "audio", None)) for part in item.content):
        return item
    parts: list[Any] = [
        msgspec.structs.replace(part, audio=UNSET) if isinstance(part, _Speech) else part for part in item.content
    ]
    return msgspec.structs.replace(item, content=parts)

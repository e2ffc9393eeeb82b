"""One item while it is being built from its events."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, Struct, field

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
from duologue.protocol.client.history.item_merge import (
    fuller_arguments,
    merged_items,
    with_words,
    words_of,
    words_of_item,
)
from duologue.protocol.client.history.words import ToldWords, told_before

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
    def role(self) -> str | None:
        """Who speaks: "user", "assistant" or "system"; None for items that are no messages."""
        return self.item.role if isinstance(self.item, MessageItem) else None

    @property
    def text(self) -> str:
        """The text and the transcripts of all parts, joined by spaces; empty for items without words."""
        return words_of_item(self.item)


class _PartBuilder(Struct, eq=False):
    part: ContentPart | None = None
    words: ToldWords = field(default_factory=ToldWords)
    spoken: bool = False

    def build(self) -> ContentPart:
        match self.part:
            case None:
                text = self.words.text
                return OutputAudioPart(transcript=text) if self.spoken else OutputTextPart(text=text)
            case TextPart() | OutputTextPart():
                return OutputTextPart(text=self.words.text)
            case AudioPart() | OutputAudioPart():
                return OutputAudioPart(transcript=self.words.text)
            case other:
                return other


class ItemBuilder:
    """Collects the events of one item. The cost of an event does not depend on their number."""

    def __init__(self, item_id: str, *, response_id: str | None = None) -> None:
        self.item_id = item_id
        self.response_id = response_id
        self.done: bool = False
        self._item: ConversationItem | None = None
        self._parts: dict[int, _PartBuilder] = {}
        self._call = FunctionCallItem(name="", arguments="", status="in_progress")
        """What the events of a call's arguments tell of its item."""
        self._arguments: list[str] = []
        self._transcripts: dict[int, ToldWords] = {}
        self._transcription_failed = False
        self._truncated_at_ms: int | None = None
        self._cut: set[int] = set()
        self._retrieved = False
        self.is_user_speech = False
        """Whether the user said it in this session: the item is committed audio."""
        self._cached: StoredItem | None = None

    # --- events of the item

    def started(self, item: ConversationItem) -> None:
        """The item at its start; the model's are empty then."""
        if not self.done:
            self._item = merged_items(self._item, without_audio(item))
            self._cached = None

    def finished(self, item: ConversationItem) -> None:
        """The item in full. What it has empty stays as it was told before."""
        if self._retrieved:
            return  # the retrieved item is newer; this one may have words that were not played
        self._item = self.completed(item)
        if isinstance(self._item, MessageItem):
            content = self._item.content
            self._parts = {index: part for index, part in self._parts.items() if index < len(content)}
            for index, builder in self._parts.items():
                builder.part = None
                builder.words.whole(words_of(content[index]) or "", shortened=True)
        self.done = True
        self._cached = None

    def completed(self, item: ConversationItem) -> ConversationItem:
        """The item, with what only the events before it tell."""
        told = self._build() if self._is_told else None
        if isinstance(item, FunctionCallItem) and not isinstance(told, FunctionCallItem):
            told = self._called
        return merged_items(told, without_audio(item))

    def part(self, index: int, part: ContentPart, *, final: bool) -> str | None:
        """A content part at its start or at its end. Returns the words of the latter."""
        text = words_of(part) if final else None
        if self.done:
            if text:
                self._completed_words(index, text)
            return text
        builder = self._part(index)
        builder.part = part
        if text is not None:
            builder.words.whole(text)
        return text

    def text_delta(self, index: int, delta: str, *, spoken: bool) -> None:
        """The next piece of a part's text or transcript."""
        if self._retrieved:
            return
        self._cached = None
        builder = self._parts.get(index) or self._part(index)
        if spoken:
            builder.spoken = True
        builder.words.piece(delta)

    def text_done(self, index: int, text: str, *, spoken: bool) -> None:
        """A part's text or transcript in full."""
        if self.done:
            self._completed_words(index, text)
            return
        builder = self._part(index)
        builder.spoken |= spoken
        builder.words.whole(text)

    def arguments(self, delta: str, *, whole: bool, name: str = "", call_id: str = "") -> None:
        """The next piece of a call's arguments, or all of them; the event may have the name and the call's id."""
        call = self._call
        if whole:
            told = fuller_arguments(call.arguments, delta)
        else:
            self._arguments.append(delta)
            told = call.arguments
        if whole or not is_set(call.call_id):
            self._call = msgspec.structs.replace(
                call, name=call.name or name, call_id=call.call_id or call_id or UNSET, arguments=told
            )
        self._cached = None

    def transcript_delta(self, index: int, delta: str) -> None:
        """The next piece of the user's transcript."""
        words = self._transcripts.setdefault(index, ToldWords())
        if not (words.is_whole and delta in words.text):  # a transcript is often told in pieces that it then corrects
            words.piece(delta)
            self._cached = None

    def transcribed(self, index: int, transcript: str) -> bool:
        """The user's whole transcript of a part; a later one corrects it, unless it is empty.

        False if this transcript is what was told before.
        """
        words = self._transcripts.setdefault(index, ToldWords())
        if words.is_whole and transcript in ("", words.text):
            return False
        words.whole(transcript, shortened=True)
        self._transcription_failed = False
        self._cached = None
        return True

    def transcribed_in(self, item: ConversationItem) -> list[str]:
        """The transcripts of the user's speech that this item tells and no other event has told."""
        told: list[str] = []
        if self.is_user_speech and isinstance(item, MessageItem):
            for index, part in enumerate(item.content):
                words = words_of(part) if isinstance(part, InputAudioPart) else None
                if words and index not in self._transcripts and self.transcribed(index, words):
                    told.append(words)
        return told

    def transcription_failed(self, index: int) -> None:
        """The user's speech in a part could not be transcribed."""
        if (words := self._transcripts.get(index)) is None or not words.is_whole:
            self._transcripts.pop(index, None)  # half of a sentence
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
        self._item = without_audio(item)  # with fewer words, if it was cut
        self._parts.clear()
        self._cached = None
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

    @property
    def _is_told(self) -> bool:
        """Whether an event has told anything of the item itself."""
        return self._item is not None or bool(self._parts) or bool(self._arguments) or is_set(self._call.call_id)

    @property
    def _called(self) -> FunctionCallItem:
        """The item of a call, as the events of its arguments tell it."""
        if len(self._arguments) > 1:
            self._arguments = ["".join(self._arguments)]
        told = self._arguments[0] if self._arguments else ""
        arguments = fuller_arguments(told, self._call.arguments)
        return msgspec.structs.replace(self._call, id=self.item_id, arguments=arguments)

    def _part(self, index: int) -> _PartBuilder:
        self._cached = None
        builder = self._parts.get(index)
        if builder is None:
            builder = self._parts[index] = _PartBuilder()
            if self.done and isinstance(self._item, MessageItem) and index < len(self._item.content):
                builder.words.whole(words_of(self._item.content[index]) or "")
        return builder

    def _completed_words(self, index: int, text: str) -> None:
        if not self._retrieved:
            self._part(index).words.completed(text)

    def _build(self) -> ConversationItem:
        match self._item:
            case MessageItem() as item:
                return msgspec.structs.replace(item, content=self._content(item.content))
            case FunctionCallItem() as item:
                called = self._called
                return merged_items(called, item) if called.arguments or is_set(called.call_id) else item
            case None if self._arguments or is_set(self._call.call_id):
                return self._called
            case None:
                return MessageItem(id=self.item_id, role="assistant", status="in_progress", content=self._content([]))
            case item:
                return item

    def _content(self, known: list[ContentPart]) -> list[ContentPart]:
        parts = dict(enumerate(known))
        for index, builder in self._parts.items():
            if not self.done or index not in parts:
                earlier = words_of(parts[index]) if index in parts else None
                parts[index] = builder.build()
                if earlier and told_before(builder.words.text, earlier):
                    parts[index] = with_words(parts[index], earlier)
            elif builder.words.text != words_of(parts[index]):  # pieces that came behind the item
                parts[index] = with_words(parts[index], builder.words.text)
        return [self._filled_in(index, parts[index]) for index in sorted(parts)]

    def _filled_in(self, index: int, part: ContentPart) -> ContentPart:
        """The part with what other events say of it: the user's transcript, the cut of the model's speech."""
        match part:
            case InputAudioPart():
                words = self._transcripts.get(index)
                transcript = part.transcript if words is None else words.text or part.transcript
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

"""One item of a response, and its events.

    response.output_item.added, conversation.item.added
    a message's part and its streams, or a call's arguments
    conversation.item.done, response.output_item.done

Each item that is opened is closed, however the response ends (rules `item_pairs` and `part_pairs`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.events import (
    AudioPart,
    ContentPart,
    ConversationItemAddedEvent,
    ConversationItemDoneEvent,
    FunctionCallItem,
    MessageItem,
    OutputAudioPart,
    OutputTextPart,
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseAudioTranscriptDoneEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    ServerEvent,
    TextPart,
)
from duologue.events.base import encode_audio
from duologue.protocol.server.conversation.items import ConversationItems, Entry, with_transcript
from duologue.protocol.server.conversation.transcript_alignment import SpokenText

__all__ = ["DELTA_MS", "OutputCall", "OutputItem", "OutputMessage", "Place"]

DELTA_MS: Final = 200
"""Maximum audio in one delta: short enough to start playback at once, long enough to keep the JSON overhead small."""


class Place(Struct, frozen=True, kw_only=True):
    """Where an item belongs: in its response, and in the conversation, unless it is out of band."""

    response_id: str
    output_index: int
    conversation: ConversationItems | None


class OutputItem(ABC):
    """Base of messages and calls. `new_id` makes the ids of events."""

    def __init__(self, entry: Entry, place: Place, *, new_id: Callable[[str], str]) -> None:
        self.entry = entry
        self._conversation = place.conversation
        self._new_id = new_id
        self._response: dict[str, Any] = {"response_id": place.response_id, "output_index": place.output_index}
        self._where: dict[str, Any] = {**self._response, "item_id": entry.item_id}

    @property
    @abstractmethod
    def written(self) -> str:
        """All text that the model wrote, for token usage."""

    @abstractmethod
    def close(self, status: str) -> Iterator[ServerEvent]:
        """End the item with this status."""

    def _added(self) -> Iterator[ServerEvent]:
        item, item_id = self.entry.item, self.entry.item_id
        yield ResponseOutputItemAddedEvent(event_id=self._event_id(), item=item, **self._response)
        if self._conversation is not None:
            self._conversation.insert(self.entry)
            before = self._conversation.predecessor_id(item_id)
            yield ConversationItemAddedEvent(event_id=self._event_id(), previous_item_id=before, item=item)

    def _done(self) -> Iterator[ServerEvent]:
        item, item_id = self.entry.item, self.entry.item_id
        if self._conversation is not None and self._conversation.get(item_id) is self.entry:
            self._conversation.recount(self.entry)
            before = self._conversation.predecessor_id(item_id)
            yield ConversationItemDoneEvent(event_id=self._event_id(), previous_item_id=before, item=item)
        yield ResponseOutputItemDoneEvent(event_id=self._event_id(), item=item, **self._response)

    def _event_id(self) -> str:
        return self._new_id("event")


class OutputMessage(OutputItem):
    """Text, or speech with its transcript."""

    def __init__(self, item_id: str, place: Place, *, encoding: Encoding | None, new_id: Callable[[str], str]) -> None:
        """`encoding` is that of the speech; None for text only."""
        item = MessageItem(id=item_id, role="assistant", status="in_progress", content=[])
        spoken = None if encoding is None else SpokenText(encoding)
        super().__init__(Entry(item=item, encoding=encoding, spoken=spoken), place, new_id=new_id)
        self._text = ""
        self._where["content_index"] = 0

    @property
    def written(self) -> str:
        return self._text

    def open(self) -> Iterator[ServerEvent]:
        """Add the item and its content part."""
        yield from self._added()
        self.entry.item = self._item("in_progress")
        yield ResponseContentPartAddedEvent(event_id=self._event_id(), part=self._part(), **self._where)

    def add_text(self, delta: str) -> Iterator[ServerEvent]:
        """Add text: the answer, or the transcript of its speech."""
        self._text += delta
        if self.entry.truncated_transcript is None:
            self.entry.item = self._item("in_progress")
        if self.entry.spoken is None:
            yield ResponseTextDeltaEvent(event_id=self._event_id(), delta=delta, **self._where)
        else:
            self.entry.spoken.add_text(delta)
            yield ResponseAudioTranscriptDeltaEvent(event_id=self._event_id(), delta=delta, **self._where)

    def begin_clause(self, clause: str) -> None:
        """The audio that follows speaks these words of the text."""
        if self.entry.spoken is not None:
            self.entry.spoken.begin_clause(clause)

    def add_audio(self, audio: bytes) -> Iterator[ServerEvent]:
        """Add speech, in the response's encoding."""
        encoding, spoken = self.entry.encoding, self.entry.spoken
        if encoding is None or spoken is None:
            return  # a text response has no audio
        if self.entry.truncated_transcript is None:
            spoken.add_audio(len(audio))
            if self._conversation is not None:
                self._conversation.keep_audio(self.entry, audio)
        step_bytes = encoding.bytes_for_ms(DELTA_MS)
        for start in range(0, len(audio), step_bytes):
            delta = encode_audio(audio[start : start + step_bytes])
            yield ResponseAudioDeltaEvent(event_id=self._event_id(), delta=delta, **self._where)

    def close(self, status: str) -> Iterator[ServerEvent]:
        text, spoken = self.written, self.entry.spoken
        if spoken is None:
            yield ResponseTextDoneEvent(event_id=self._event_id(), text=text, **self._where)
        else:
            yield ResponseAudioDoneEvent(event_id=self._event_id(), **self._where)
            yield ResponseAudioTranscriptDoneEvent(event_id=self._event_id(), transcript=text, **self._where)
        yield ResponseContentPartDoneEvent(event_id=self._event_id(), part=self._part(), **self._where)
        item = self._item(status)
        self.entry.item = (
            item if self.entry.truncated_transcript is None else with_transcript(item, self.entry.truncated_transcript)
        )
        if spoken is not None:
            spoken.ended = True
            if status != "completed" and self.entry.truncated_transcript is None:
                # Text is ahead of the voice: words without audio cannot have been heard.
                self.entry.transcript = spoken.words_until(spoken.audio_bytes)
        if self._conversation is not None:
            self._conversation.drop_old_audio()
        yield from self._done()

    def _item(self, status: str) -> MessageItem:
        spoken, text = self.entry.spoken is not None, self.written
        part = OutputAudioPart(transcript=text) if spoken else OutputTextPart(text=text)
        return MessageItem(id=self.entry.item_id, role="assistant", status=status, content=[part])

    def _part(self) -> ContentPart:
        return TextPart(text=self.written) if self.entry.spoken is None else AudioPart(transcript=self.written)


class OutputCall(OutputItem):
    """A call of one of the client's functions. Responders report whole calls, so it is opened and closed at once."""

    def __init__(
        self, item_id: str, place: Place, *, name: str, call_id: str, arguments: str, new_id: Callable[[str], str]
    ) -> None:
        item = FunctionCallItem(id=item_id, status="in_progress", name=name, call_id=call_id, arguments="")
        super().__init__(Entry(item=item), place, new_id=new_id)
        self._call = item
        self._arguments = arguments

    @property
    def written(self) -> str:
        return self._call.name + self._arguments

    def open(self) -> Iterator[ServerEvent]:
        """Add the item and its arguments."""
        yield from self._added()
        call: dict[str, Any] = {**self._where, "call_id": self._call.call_id}
        if self._arguments:
            yield ResponseFunctionCallArgumentsDeltaEvent(event_id=self._event_id(), delta=self._arguments, **call)
        yield ResponseFunctionCallArgumentsDoneEvent(
            event_id=self._event_id(), name=self._call.name, arguments=self._arguments, **call
        )

    def close(self, status: str) -> Iterator[ServerEvent]:
        call = self._call
        self.entry.item = FunctionCallItem(
            id=call.id, status=status, name=call.name, call_id=call.call_id, arguments=self._arguments
        )
        yield from self._done()

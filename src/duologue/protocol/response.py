"""One response on the server: the events of its life, in the order that clients rely on.

    response.created
    response.output_item.added, conversation.item.added, response.content_part.added
    deltas
    the stream's .done events, response.content_part.done, conversation.item.done, response.output_item.done
    response.done

However it ends, what was opened is closed; a response without a word still has its item.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any, Final

from msgspec import UNSET, Struct

from duologue.audio.formats import Encoding
from duologue.events import (
    AudioPart,
    ContentPart,
    ConversationItem,
    ConversationItemAddedEvent,
    ConversationItemDoneEvent,
    MessageItem,
    OutputAudioPart,
    OutputTextPart,
    RealtimeResponse,
    ResponseAudio,
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseAudioOutput,
    ResponseAudioTranscriptDeltaEvent,
    ResponseAudioTranscriptDoneEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseStatusDetails,
    ResponseStatusError,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    ResponseUsage,
    ServerEvent,
    TextPart,
)
from duologue.events.base import encode_audio
from duologue.protocol.conversation import Conversation, Entry, with_transcript
from duologue.protocol.tables import RESPONSE, RESPONSE_ENDS, ResponseInput, ResponseState, step
from duologue.protocol.usage import response_usage

__all__ = ["DELTA_MS", "Response", "ResponseSettings"]

DELTA_MS: Final = 200
"""Most audio in one delta: small enough to start playing at once, large enough that the JSON around it is noise."""

_ITEM_STATUS: Final = {ResponseState.COMPLETED: "completed", ResponseState.RUNNING: "in_progress"}
"""The item's status by the response's; all other ends leave the item incomplete."""


class ResponseSettings(Struct, frozen=True, kw_only=True):
    """What a response is made with; fixed when it begins."""

    speak: bool
    encoding: Encoding
    format: ResponseAudioOutput
    voice: str
    speed: float
    instructions: str
    max_output_tokens: int | None
    metadata: dict[str, str] | None
    in_conversation: bool
    context: tuple[Entry, ...]
    """What to answer; by default the whole conversation as it stood when the response was created."""


class Response:
    """Turns what a responder and a synthesizer produce into events."""

    def __init__(
        self, response_id: str, settings: ResponseSettings, conversation: Conversation, *, new_id: Callable[[str], str]
    ) -> None:
        self.response_id = response_id
        self.settings = settings
        self.state = ResponseState.WAITING
        self.entry: Entry | None = None
        self.context: tuple[ConversationItem, ...] = ()
        """What the response answers, once it is known."""
        self._conversation = conversation
        self._new_id = new_id
        self._text: list[str] = []
        self._spoken_bytes = 0

    @property
    def ended(self) -> bool:
        """Whether `response.done` has been made."""
        return self.state in RESPONSE_ENDS

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._text)

    def created(self) -> Iterator[ServerEvent]:
        """The response's first event."""
        yield ResponseCreatedEvent(event_id=self._event_id(), response=self._wire())

    def begin(self, context: tuple[ConversationItem, ...]) -> None:
        """The context is complete: the responder may start."""
        self.state = step(RESPONSE, self.state, ResponseInput.CONTEXT_COMPLETE) or self.state
        self.context = context

    def add_text(self, delta: str) -> Iterator[ServerEvent]:
        """More text: the answer itself, or what the voice says."""
        entry = self.entry
        if entry is None:
            entry = yield from self._open()
        self._text.append(delta)
        kind = ResponseAudioTranscriptDeltaEvent if self.settings.speak else ResponseTextDeltaEvent
        yield kind(
            event_id=self._event_id(),
            response_id=self.response_id,
            item_id=entry.item_id,
            output_index=0,
            content_index=0,
            delta=delta,
        )

    def add_audio(self, audio: bytes) -> Iterator[ServerEvent]:
        """More speech, in the wire's format."""
        entry = self.entry
        if entry is None:
            entry = yield from self._open()
        if not entry.truncated:
            entry.audio += audio
        self._spoken_bytes += len(audio)
        step_bytes = self.settings.encoding.bytes_for_ms(DELTA_MS)
        for start in range(0, len(audio), step_bytes):
            yield ResponseAudioDeltaEvent(
                event_id=self._event_id(),
                response_id=self.response_id,
                item_id=entry.item_id,
                output_index=0,
                content_index=0,
                delta=encode_audio(audio[start : start + step_bytes]),
            )

    def end(
        self, happened: ResponseInput, *, reason: str | None = None, fault: str | None = None
    ) -> Iterator[ServerEvent]:
        """Close what is open and finish. Ending twice yields nothing."""
        following = step(RESPONSE, self.state, happened)
        if following is None:
            return
        if self.entry is None and following is ResponseState.COMPLETED:
            yield from self._open()
        self.state = following
        details = None
        if following is not ResponseState.COMPLETED:
            error = (
                UNSET
                if fault is None
                else ResponseStatusError(type="server_error", code="engine_failed", message=fault)
            )
            details = ResponseStatusDetails(type=following.value, reason=reason or UNSET, error=error)
        output: list[ConversationItem] = []
        if self.entry is not None:
            output.append((yield from self._close(self.entry)))
        usage = response_usage(self.context, self.settings.instructions, self.text, self._spoken_ms())
        yield ResponseDoneEvent(event_id=self._event_id(), response=self._wire(output, details, usage))

    # --- the item

    def _open(self) -> Generator[ServerEvent, None, Entry]:
        item_id = self._new_id("item")
        item = MessageItem(id=item_id, role="assistant", status="in_progress", content=[])
        self.entry = entry = Entry(item=item, encoding=self.settings.encoding if self.settings.speak else None)
        yield ResponseOutputItemAddedEvent(
            event_id=self._event_id(), response_id=self.response_id, output_index=0, item=item
        )
        if self.settings.in_conversation:
            self._conversation.insert(entry)
            yield ConversationItemAddedEvent(
                event_id=self._event_id(), previous_item_id=self._conversation.predecessor_id(item_id), item=item
            )
        entry.item = self._item("in_progress")
        yield ResponseContentPartAddedEvent(
            event_id=self._event_id(),
            response_id=self.response_id,
            item_id=item_id,
            output_index=0,
            content_index=0,
            part=self._part(""),
        )
        return entry

    def _close(self, entry: Entry) -> Generator[ServerEvent, None, ConversationItem]:
        where: dict[str, Any] = {"response_id": self.response_id, "item_id": entry.item_id, "output_index": 0}
        where["content_index"] = 0
        if self.settings.speak:
            yield ResponseAudioDoneEvent(event_id=self._event_id(), **where)
            yield ResponseAudioTranscriptDoneEvent(event_id=self._event_id(), transcript=self.text, **where)
        else:
            yield ResponseTextDoneEvent(event_id=self._event_id(), text=self.text, **where)
        yield ResponseContentPartDoneEvent(event_id=self._event_id(), part=self._part(self.text), **where)
        item = self._item(_ITEM_STATUS.get(self.state, "incomplete"))
        entry.item = with_transcript(item, "") if entry.truncated else item
        if self.settings.in_conversation and self._conversation.get(entry.item_id) is entry:
            yield ConversationItemDoneEvent(
                event_id=self._event_id(),
                previous_item_id=self._conversation.predecessor_id(entry.item_id),
                item=entry.item,
            )
        yield ResponseOutputItemDoneEvent(
            event_id=self._event_id(), response_id=self.response_id, output_index=0, item=entry.item
        )
        return entry.item

    def _item(self, status: str) -> MessageItem:
        assert self.entry is not None
        part = OutputAudioPart(transcript=self.text) if self.settings.speak else OutputTextPart(text=self.text)
        return MessageItem(id=self.entry.item_id, role="assistant", status=status, content=[part])

    def _part(self, text: str) -> ContentPart:
        return AudioPart(transcript=text) if self.settings.speak else TextPart(text=text)

    # --- the response

    def _wire(
        self,
        output: list[ConversationItem] | None = None,
        details: ResponseStatusDetails | None = None,
        usage: ResponseUsage | None = None,
    ) -> RealtimeResponse:
        settings = self.settings
        return RealtimeResponse(
            object="realtime.response",
            id=self.response_id,
            status=self.state.value if self.ended else "in_progress",
            status_details=details,
            output=output or [],
            conversation_id=self._conversation.conversation_id if settings.in_conversation else None,
            output_modalities=["audio"] if settings.speak else ["text"],
            max_output_tokens="inf" if settings.max_output_tokens is None else settings.max_output_tokens,
            audio=ResponseAudio(output=settings.format),
            usage=usage,
            metadata=settings.metadata,
        )

    def _spoken_ms(self) -> int:
        return self.settings.encoding.duration_ms(self._spoken_bytes)

    def _event_id(self) -> str:
        return self._new_id("event")

"""What was said in a conversation: who, which words, and where speech was cut off."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from duologue.events import InputImagePart, MessageItem
from duologue.protocol.client.history.item_builder import StoredItem

__all__ = ["ConversationTranscript", "TranscriptLine", "transcript_of"]


class TranscriptLine(Struct, frozen=True, kw_only=True):
    """One message of a conversation."""

    role: str
    """ "user", "assistant" or "system"."""
    text: str
    """Its text and transcripts. Empty where no words are known: speech that is not transcribed, or that was cut off
    by a server that does not tell which of its words were played."""
    item_id: str
    done: bool
    """Whether the message is final."""
    interrupted_at_ms: int | None = None
    """How much of the speech was played before it was cut off; None: it was not cut."""
    transcription_failed: bool = False

    def __str__(self) -> str:
        marks: list[str] = []
        if self.interrupted_at_ms is not None:
            marks.append(f"[interrupted after {self.interrupted_at_ms / 1000:.1f} s]")
        elif self.transcription_failed:
            marks.append("[could not be transcribed]")
        elif not self.done:
            marks.append("[…]")
        elif not self.text:
            marks.append("[no words]")
        return f"{self.role}: {' '.join([self.text, *marks] if self.text else marks)}"


class ConversationTranscript(tuple[TranscriptLine, ...]):
    """The messages of a conversation, in order. `str` is one line for each, `ROLE: TEXT`."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self))


def transcript_of(items: Iterable[StoredItem]) -> ConversationTranscript:
    """The messages among these items; calls of functions, and messages without text or speech, are not."""
    return ConversationTranscript(_line(stored) for stored in items if _speaks(stored))


def _speaks(stored: StoredItem) -> bool:
    item = stored.item
    return isinstance(item, MessageItem) and any(not isinstance(part, InputImagePart) for part in item.content)


def _line(stored: StoredItem) -> TranscriptLine:
    return TranscriptLine(
        role=stored.role or "",
        text=stored.text,
        item_id=stored.item_id,
        done=stored.done,
        interrupted_at_ms=stored.truncated_at_ms,
        transcription_failed=stored.transcription_failed,
    )

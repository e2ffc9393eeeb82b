"""How much a server can make a client keep. A conversation that exceeds a limit ends, with an error that names it.

limit               default      what ordinary use needs
items               20,000       an hour's call has 720; the largest servers stop at 10,000
item_characters     16 Mi        what fits into a message; a model's longest answer is half a million
characters          256 Mi       an hour's call has half a million; fifty pictures of 5 MB
lasting_events      200,000      an hour's call has 5,000 events that leave something behind
calls               1,024        calls without an answer; models make a few at a time
running             64           functions that run at once, cancelled ones included until they end
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from duologue.events import (
    ConversationItem,
    ConversationItemAddedEvent,
    ConversationItemCreatedEvent,
    ConversationItemDeletedEvent,
    ConversationItemDoneEvent,
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionFailedEvent,
    MessageItem,
    RealtimeEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
)

__all__ = ["LASTING", "PIECE_CHARACTERS", "KeptLimits", "size_of"]


class KeptLimits(Struct, frozen=True, kw_only=True):
    """See the table above. A conversation has one for all its parts."""

    items: int = 20_000
    item_characters: int = 16 * 1024 * 1024
    characters: int = 256 * 1024 * 1024
    lasting_events: int = 200_000
    calls: int = 1_024
    running: int = 64


PIECE_CHARACTERS: Final = 64
"""What a piece of text counts in addition to its characters, so that empty pieces count too."""

LASTING: Final[frozenset[type[RealtimeEvent]]] = frozenset(
    {
        ConversationItemAddedEvent,
        ConversationItemCreatedEvent,
        ConversationItemDeletedEvent,
        ConversationItemDoneEvent,
        InputAudioTranscriptionCompletedEvent,
        InputAudioTranscriptionFailedEvent,
        ResponseCreatedEvent,
        ResponseDoneEvent,
    }
)
"""Events that leave something behind in one of the conversation's parts, even when their item is deleted."""


def size_of(item: ConversationItem) -> int:
    """Characters in an item, and `PIECE_CHARACTERS` for the item and for each of its parts."""
    match item:
        case MessageItem(content=content):
            return PIECE_CHARACTERS + sum(PIECE_CHARACTERS + _characters(part) for part in content)
        case FunctionCallItem(arguments=arguments):
            return PIECE_CHARACTERS + len(arguments)
        case FunctionCallOutputItem(output=str(output)):
            return PIECE_CHARACTERS + len(output)
        case _:
            return PIECE_CHARACTERS + len(msgspec.json.encode(item))


def _characters(part: Any) -> int:
    texts = (getattr(part, name, None) for name in ("text", "transcript", "image_url"))
    return sum(len(text) for text in texts if isinstance(text, str))

"""A connection's events as verbs, by the names that the official SDKs have: `connection.response.create(…)`.

Each sends one event, as `send` does, and returns what `send` returns: a coroutine, or None for threads. `session` is
not among them: on a connection that is the session as the server reported it; `update_session` changes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from duologue.client.mappings import ItemInput, ResponseInput, to_item, to_response
from duologue.events import (
    UNSET,
    ConversationItemCreateEvent,
    ConversationItemDeleteEvent,
    ConversationItemRetrieveEvent,
    ConversationItemTruncateEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    OutputAudioBufferClearEvent,
    RealtimeEvent,
    ResponseCancelEvent,
    ResponseCreateEvent,
)
from duologue.events.base import Id, Opt, encode_audio

__all__ = ["ConversationVerbs", "InputAudioBufferVerbs", "ItemVerbs", "OutputAudioBufferVerbs", "ResponseVerbs"]

R = TypeVar("R")


class _Verbs(Generic[R]):
    def __init__(self, send: Callable[[RealtimeEvent], R]) -> None:
        self._send = send


class ResponseVerbs(_Verbs[R]):
    """`response.create` and `response.cancel`."""

    def create(self, *, response: ResponseInput | None = None, event_id: Opt[Id] = UNSET) -> R:
        """Ask for a response, with these settings. Raises LocalProtocolError for settings of a wrong type."""
        event = to_response(response) or ResponseCreateEvent()
        return self._send(event if event_id is UNSET else msgspec.structs.replace(event, event_id=event_id))

    def cancel(self, *, response_id: Opt[Id] = UNSET, event_id: Opt[Id] = UNSET) -> R:
        """Stop the response in progress, or the one that is named."""
        return self._send(ResponseCancelEvent(response_id=response_id, event_id=event_id))


class InputAudioBufferVerbs(_Verbs[R]):
    """`input_audio_buffer.append`, `.commit` and `.clear`."""

    def append(self, *, audio: bytes | str, event_id: Opt[Id] = UNSET) -> R:
        """Append input audio, as bytes in the session's input format, or as base64 text of them."""
        text = audio if isinstance(audio, str) else encode_audio(audio)
        return self._send(InputAudioBufferAppendEvent(audio=text, event_id=event_id))

    def commit(self, *, event_id: Opt[Id] = UNSET) -> R:
        """Make an item of the appended audio."""
        return self._send(InputAudioBufferCommitEvent(event_id=event_id))

    def clear(self, *, event_id: Opt[Id] = UNSET) -> R:
        """Drop the appended audio."""
        return self._send(InputAudioBufferClearEvent(event_id=event_id))


class OutputAudioBufferVerbs(_Verbs[R]):
    """`output_audio_buffer.clear`."""

    def clear(self, *, event_id: Opt[Id] = UNSET) -> R:
        """Stop what the server still plays (WebRTC and SIP)."""
        return self._send(OutputAudioBufferClearEvent(event_id=event_id))


class ItemVerbs(_Verbs[R]):
    """`conversation.item.create`, `.delete`, `.retrieve` and `.truncate`."""

    def create(self, *, item: ItemInput, previous_item_id: Opt[Id] = UNSET, event_id: Opt[Id] = UNSET) -> R:
        """Add an item, behind another one if one is named. Raises LocalProtocolError for a mapping that is no item."""
        return self._send(
            ConversationItemCreateEvent(item=to_item(item), previous_item_id=previous_item_id, event_id=event_id)
        )

    def delete(self, *, item_id: Id, event_id: Opt[Id] = UNSET) -> R:
        """Remove an item."""
        return self._send(ConversationItemDeleteEvent(item_id=item_id, event_id=event_id))

    def retrieve(self, *, item_id: Id, event_id: Opt[Id] = UNSET) -> R:
        """Ask for an item as the server has it, with its audio."""
        return self._send(ConversationItemRetrieveEvent(item_id=item_id, event_id=event_id))

    def truncate(self, *, item_id: Id, content_index: int = 0, audio_end_ms: int, event_id: Opt[Id] = UNSET) -> R:
        """Cut the model's speech of an item off, at what was played of it."""
        return self._send(
            ConversationItemTruncateEvent(
                item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms, event_id=event_id
            )
        )


class ConversationVerbs(_Verbs[R]):
    """`conversation.item`."""

    @property
    def item(self) -> ItemVerbs[R]:
        """Verbs for the items of the conversation."""
        return ItemVerbs(self._send)

"""Commands that the server has not answered: which of them an acknowledgement or an `error` answers.

A server answers every command but `input_audio_buffer.append` (rule `no_append_ack`) in order, with an acknowledgement
or with one `error`. An error names the command by its event id, or by none (rule `error_echo`): then its code, its
`param` and the order decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from duologue.events import (
    ClientEvent,
    ConversationItem,
    ConversationItemAddedEvent,
    ConversationItemCreatedEvent,
    ConversationItemCreateEvent,
    ConversationItemDeletedEvent,
    ConversationItemDeleteEvent,
    ConversationItemRetrievedEvent,
    ConversationItemRetrieveEvent,
    ConversationItemTruncatedEvent,
    ConversationItemTruncateEvent,
    ErrorEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearedEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    InputAudioBufferCommittedEvent,
    InputAudioPart,
    MessageItem,
    OutputAudioBufferClearedEvent,
    OutputAudioBufferClearEvent,
    OutputAudioBufferStoppedEvent,
    RealtimeEvent,
    ResponseCancelEvent,
    ResponseCreatedEvent,
    ResponseCreateEvent,
    ResponseDoneEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    TranscriptionSessionUpdatedEvent,
    TranscriptionSessionUpdateEvent,
    is_set,
)
from duologue.protocol.client.dispatch import EventContext, Part, on

__all__ = ["COMMAND_OF_CODE", "PendingCommands"]

_ACKNOWLEDGED: Final[Mapping[type[RealtimeEvent], type[ClientEvent]]] = {
    SessionUpdatedEvent: SessionUpdateEvent,
    TranscriptionSessionUpdatedEvent: TranscriptionSessionUpdateEvent,
    InputAudioBufferCommittedEvent: InputAudioBufferCommitEvent,
    InputAudioBufferClearedEvent: InputAudioBufferClearEvent,
    OutputAudioBufferClearedEvent: OutputAudioBufferClearEvent,
    OutputAudioBufferStoppedEvent: OutputAudioBufferClearEvent,  # it came too late
    ConversationItemAddedEvent: ConversationItemCreateEvent,
    ConversationItemCreatedEvent: ConversationItemCreateEvent,
    ConversationItemRetrievedEvent: ConversationItemRetrieveEvent,
    ConversationItemTruncatedEvent: ConversationItemTruncateEvent,
    ConversationItemDeletedEvent: ConversationItemDeleteEvent,
    ResponseCreatedEvent: ResponseCreateEvent,
    ResponseDoneEvent: ResponseCancelEvent,
}
"""By acknowledgement: the command that it answers."""

COMMAND_OF_CODE: Final[Mapping[str, type[ClientEvent]]] = {
    "cannot_update_voice": SessionUpdateEvent,
    "conversation_already_has_active_response": ResponseCreateEvent,
    "input_audio_buffer_commit_empty": InputAudioBufferCommitEvent,
    "invalid_tool_call_id": ConversationItemCreateEvent,
    "item_delete_invalid_item_id": ConversationItemDeleteEvent,
    "item_retrieve_invalid_item_id": ConversationItemRetrieveEvent,
    "item_truncate_invalid_audio_end_ms": ConversationItemTruncateEvent,
    "item_truncate_invalid_item_id": ConversationItemTruncateEvent,
    "response_cancel_not_active": ResponseCancelEvent,
}
"""By `error.code`: the only command that is rejected with it."""

_COMMANDS_OF_PARAM: Final[Mapping[str, tuple[type[ClientEvent], ...]]] = {
    "session": (SessionUpdateEvent, TranscriptionSessionUpdateEvent),
    "response": (ResponseCreateEvent,),
    "item": (ConversationItemCreateEvent,),
}
"""By the first name of `error.param`, a path into the client's event: the commands that have such a field."""

_MAX_PENDING: Final = 256
"""Commands that may wait for an answer; a server that is further behind will not send it."""


class PendingCommands(Part):
    """Commands of one connection, in the order in which they were sent."""

    def __init__(self) -> None:
        self._sent: dict[str, ClientEvent] = {}
        self._answered: dict[str, ClientEvent] = {}
        """Commands that seemed to be answered: what the server sends on its own looks like an acknowledgement, so an
        `error` may still name one of them."""

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def commands(self) -> tuple[ClientEvent, ...]:
        """All of them."""
        return tuple(self._sent.values())

    def sent(self, event: ClientEvent) -> None:
        """A command is sent; it has its event id."""
        if isinstance(event, InputAudioBufferAppendEvent) or not is_set(event.event_id):
            return
        if len(self._sent) >= _MAX_PENDING:
            del self._sent[next(iter(self._sent))]
        self._sent[event.event_id] = event

    @on(*_ACKNOWLEDGED)
    def _acknowledged(self, event: RealtimeEvent, context: EventContext) -> None:
        kind = _ACKNOWLEDGED[type(event)]
        candidates = (command for command in self._sent.values() if isinstance(command, kind))
        command = next((command for command in candidates if _fits(command, event)), None)
        context.command = None if command is None else self._take(command)

    @on(ErrorEvent)
    def _error(self, event: ErrorEvent, context: EventContext) -> None:
        context.command = self._rejected(event)

    def clear(self) -> None:
        """The connection is lost, and every answer with it."""
        self._sent.clear()
        self._answered.clear()

    def _rejected(self, event: ErrorEvent) -> ClientEvent | None:
        error = event.error
        if is_set(error.event_id):
            return self._sent.pop(error.event_id, None) or self._answered.get(error.event_id)
        kinds: tuple[type[ClientEvent], ...] = (ClientEvent,)
        if is_set(error.param):
            kinds = _COMMANDS_OF_PARAM.get(error.param.partition(".")[0], kinds)
        if is_set(error.code) and error.code in COMMAND_OF_CODE:
            kinds = (COMMAND_OF_CODE[error.code],)
        command = next((command for command in self._sent.values() if isinstance(command, kinds)), None)
        return None if command is None else self._take(command)

    def _take(self, command: ClientEvent) -> ClientEvent:
        event_id = str(command.event_id)
        self._answered[event_id] = command
        if len(self._answered) > _MAX_PENDING:
            del self._answered[next(iter(self._answered))]
        return self._sent.pop(event_id)


def _kind(item: ConversationItem) -> object:
    """What an item of the client does not share with one that the server makes meanwhile: a turn of the user's."""
    if not isinstance(item, MessageItem):
        return type(item)
    return item.role, any(isinstance(part, InputAudioPart) for part in item.content)


def _fits(command: ClientEvent, answer: RealtimeEvent) -> bool:
    """Whether the answer names the object of the command."""
    match command, answer:
        case ConversationItemCreateEvent(), ConversationItemAddedEvent() | ConversationItemCreatedEvent():
            if is_set(command.item.id):
                return bool(command.item.id == answer.item.id)
            return _kind(command.item) == _kind(answer.item)
        case (
            ConversationItemTruncateEvent() | ConversationItemDeleteEvent(),
            ConversationItemTruncatedEvent() | ConversationItemDeletedEvent(),
        ):
            return command.item_id == answer.item_id
        case ConversationItemRetrieveEvent(), ConversationItemRetrievedEvent():
            return bool(command.item_id == answer.item.id)
        case ResponseCancelEvent(), ResponseDoneEvent():
            return not is_set(command.response_id) or command.response_id == answer.response.id
        case _:
            return True

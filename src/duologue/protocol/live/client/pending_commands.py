"""Commands that the server has not answered, and which of them an event answers.

An answer names its command by `client_event_id` where the server repeats that; else commands of one kind are answered
in order (https://platform.openai.com/docs/guides/live). Input audio, items and requests for the Responses model have
no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Final

from msgspec import Struct

from duologue.events import is_set
from duologue.events.live import (
    AnyLiveClientEvent,
    AnyLiveServerEvent,
    LiveCommentaryAppendedEvent,
    LiveCommentaryAppendEvent,
    LiveDecisionItemCreatedEvent,
    LiveDecisionItemCreateEvent,
    LiveDecisionItemDeletedEvent,
    LiveDecisionItemDeleteEvent,
    LiveErrorEvent,
    LiveEvent,
    LiveInputAudioMutedEvent,
    LiveInputAudioMuteEvent,
    LiveInputAudioUnmutedEvent,
    LiveInputAudioUnmuteEvent,
    LiveInstructionsAppendedEvent,
    LiveInstructionsAppendEvent,
    LiveOutputAudioFixturePlayEvent,
    LiveOutputAudioFixturePlayingEvent,
    LiveServerEvent,
    LiveSessionStartedEvent,
    LiveSessionStartEvent,
    LiveSessionUpdatedEvent,
    LiveSessionUpdateEvent,
    LiveThinkingAppendedEvent,
    LiveThinkingAppendEvent,
    LiveTransportDtmfSendEvent,
    LiveTransportDtmfSentEvent,
)

__all__ = ["ANSWERS", "PendingCommand", "PendingLiveCommands"]

ANSWERS: Final[Mapping[type[LiveEvent], type[LiveEvent]]] = {
    LiveSessionStartedEvent: LiveSessionStartEvent,
    LiveSessionUpdatedEvent: LiveSessionUpdateEvent,
    LiveInputAudioMutedEvent: LiveInputAudioMuteEvent,
    LiveInputAudioUnmutedEvent: LiveInputAudioUnmuteEvent,
    LiveOutputAudioFixturePlayingEvent: LiveOutputAudioFixturePlayEvent,
    LiveInstructionsAppendedEvent: LiveInstructionsAppendEvent,
    LiveThinkingAppendedEvent: LiveThinkingAppendEvent,
    LiveCommentaryAppendedEvent: LiveCommentaryAppendEvent,
    LiveDecisionItemCreatedEvent: LiveDecisionItemCreateEvent,
    LiveDecisionItemDeletedEvent: LiveDecisionItemDeleteEvent,
    LiveTransportDtmfSentEvent: LiveTransportDtmfSendEvent,
}
"""By event: the command that it answers. The end of the session answers `session.close`."""

_ANSWERED: Final = frozenset(ANSWERS.values())

_ANSWERED_TOO: Final[Mapping[type[LiveEvent], type[LiveEvent]]] = {LiveSessionStartedEvent: LiveSessionUpdateEvent}
"""Commands that the event answers too, if it names them: in one dialect an update is spelled as the start is."""

_OF_AUDIO: Final = frozenset({"engine_failed", "invalid_audio"})
"""Codes of errors about audio, or about an engine that failed with it: input audio is sent without an id, so such an
error names no command."""

_MAX_PENDING: Final = 256
"""Commands that may wait for an answer; a server that is further behind will not send it."""


class PendingCommand(Struct, frozen=True, kw_only=True):
    """A command that was sent, and when the wait for its answer ends."""

    command_id: str
    event: AnyLiveClientEvent
    ends_by: float


class PendingLiveCommands:
    """Commands of one session, in the order in which they were sent."""

    def __init__(self, *, answer_within_s: float) -> None:
        self._answer_within_s = answer_within_s
        self._pending: dict[str, PendingCommand] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, command_id: str) -> bool:
        return command_id in self._pending

    @property
    def next_deadline(self) -> float:
        """When the first wait ends; infinity while nothing is waited for."""
        return min((command.ends_by for command in self._pending.values()), default=inf)

    def sent(self, command_id: str, event: AnyLiveClientEvent, *, now: float) -> PendingCommand | None:
        """A command is sent. Returns the oldest one if there are too many: it is not waited for any more."""
        if type(event) not in _ANSWERED:
            return None
        ends_by = inf if isinstance(event, LiveSessionStartEvent) else now + self._answer_within_s
        self._pending[command_id] = PendingCommand(command_id=command_id, event=event, ends_by=ends_by)
        return self._pending.pop(next(iter(self._pending))) if len(self._pending) > _MAX_PENDING else None

    def answered(self, event: AnyLiveServerEvent) -> PendingCommand | None:
        """The command that an event answers; it is not pending any more."""
        kind = ANSWERS.get(type(event))
        if kind is None:
            return None
        named = self._named(event)
        if named is not None:
            kinds = (kind, _ANSWERED_TOO.get(type(event), kind))
            return self._pending.pop(named) if isinstance(self._pending[named].event, kinds) else None
        # A command that is not ours: the session's other connections are told of it too.
        return None if _reference(event) is not None else self._first(kind)

    def refused(self, error: LiveErrorEvent) -> PendingCommand | None:
        """The command that an error answers; it is not pending any more.

        An error without a name answers the oldest; one about audio answers no command that has none.
        """
        named = self._named(error)
        if named is not None:
            return self._pending.pop(named)
        kind = LiveOutputAudioFixturePlayEvent if error.error.code in _OF_AUDIO else LiveEvent
        return None if _reference(error) is not None else self._first(kind)

    def take_overdue(self, now: float) -> list[PendingCommand]:
        """Removes the commands whose wait has ended, and returns them."""
        overdue = [command for command in self._pending.values() if now >= command.ends_by]
        for command in overdue:
            del self._pending[command.command_id]
        return overdue

    def take_all(self) -> list[PendingCommand]:
        """Removes all: the session is over."""
        pending = [*self._pending.values()]
        self._pending.clear()
        return pending

    def _named(self, event: AnyLiveServerEvent) -> str | None:
        reference = _reference(event)
        return reference if reference in self._pending else None

    def _first(self, kind: type[LiveEvent]) -> PendingCommand | None:
        found = next((command for command in self._pending.values() if isinstance(command.event, kind)), None)
        return None if found is None else self._pending.pop(found.command_id)


def _reference(event: AnyLiveServerEvent) -> str | None:
    """The id of the command that an event names; an error may name it in either of two places."""
    if isinstance(event, LiveErrorEvent) and is_set(event.error.client_event_id):
        return event.error.client_event_id
    if isinstance(event, LiveServerEvent) and is_set(event.client_event_id):
        return event.client_event_id
    return None

"""Work that the voice model handed to the application: delegations that appends may answer."""

from __future__ import annotations

from typing import Final

from duologue.events.live import LiveDelegationCreatedEvent, LiveDelegationRef
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.live.server.outgoing import LiveOutbox

__all__ = ["OPEN_DELEGATION", "ClientDelegations"]

OPEN_DELEGATION: Final = (
    "The application is at work on the user's request and answers later. Do not hand the same request over again."
)
"""For the responder, while a delegation has no answer."""


class ClientDelegations:
    """The delegations of a session with `client` delegation. Each may be answered any number of times."""

    def __init__(self, out: LiveOutbox, limits: LiveDefaults) -> None:
        self._out = out
        self._limits = limits
        self._answered: dict[str, bool] = {}

    @property
    def is_open(self) -> bool:
        """Whether one of them has no answer."""
        return not all(self._answered.values())

    def create(self, offset_ms: int) -> str:
        """Announce a delegation. Returns its id."""
        delegation_id = self._out.new_id("item")
        self._answered[delegation_id] = False
        while len(self._answered) > self._limits.max_delegations:
            del self._answered[next(iter(self._answered))]
        self._out.send(
            LiveDelegationCreatedEvent(
                event_id=self._out.event_id(),
                offset_ms=offset_ms,
                delegation=LiveDelegationRef(id=delegation_id, type="delegation", target="client"),
            )
        )
        return delegation_id

    def check(self, delegation_id: str) -> None:
        """Raise RefusedCommand for an id that is not one of these."""
        if delegation_id not in self._answered:
            raise RefusedCommand("delegation_unknown", param="delegation_id", value=delegation_id[:64])

    def answered(self, delegation_id: str) -> None:
        """An append answers a delegation."""
        if delegation_id in self._answered:
            self._answered[delegation_id] = True

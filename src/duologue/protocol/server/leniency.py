"""How strictly a session holds its client to the protocol."""

from __future__ import annotations

from typing import Final

from duologue.protocol.server.commands import ToleratedFault
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.outgoing import Outgoing

__all__ = ["Leniency"]

_MAX_REPORTS: Final = 100
"""In one session. A client repeats the same few mistakes; one that invents new ones must not fill the log."""


class Leniency:
    """A strict session rejects every fault; a lenient one tolerates harmless ones, and reports each once."""

    def __init__(self, outgoing: Outgoing, *, lenient: bool) -> None:
        self._out = outgoing
        self._lenient = lenient
        self._reported: set[ToleratedFault] = set()

    def check(self, fault: InvalidRequest, *, event_type: str) -> None:
        """Raise the fault, or report it if the session tolerates it."""
        if not self._lenient or not fault.harmless:
            raise fault
        report = ToleratedFault(event_type, fault.param or "", fault.value_type)
        if report not in self._reported and len(self._reported) < _MAX_REPORTS:
            self._reported.add(report)
            self._out.command(report)

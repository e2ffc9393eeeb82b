"""How strictly a session holds its client to the protocol."""

from __future__ import annotations

from typing import Final

from duologue.protocol.server.commands import ToleratedFault
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.outgoing import Outgoing

__all__ = ["Leniency"]

_MOST_REPORTS: Final = 100
"""Of one session. Its client makes the same few mistakes over and over; one that makes up new ones fills no log."""


class Leniency:
    """A strict session refuses every fault; a lenient one lets those pass that do no harm, and reports each once."""

    def __init__(self, outgoing: Outgoing, *, lenient: bool) -> None:
        self._out = outgoing
        self._lenient = lenient
        self._reported: set[ToleratedFault] = set()

    def judge(self, fault: InvalidRequest, *, event_type: str) -> None:
        """Raise the fault, or report it."""
        if not self._lenient or not fault.harmless:
            raise fault
        report = ToleratedFault(event_type, fault.param or "", fault.value_type)
        if report not in self._reported and len(self._reported) < _MOST_REPORTS:
            self._reported.add(report)
            self._out.command(report)

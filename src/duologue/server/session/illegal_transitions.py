"""Faults of this library that a state table finds: counted, and logged once for each session."""

from __future__ import annotations

import logging

from duologue.protocol import IllegalTransition
from duologue.server.telemetry.log import log_event
from duologue.server.telemetry.observer import SessionObserver

__all__ = ["IllegalTransitions"]


class IllegalTransitions:
    """Those of one session."""

    def __init__(self, session_id: str, observer: SessionObserver) -> None:
        self._session_id = session_id
        self._observer = observer
        self._logged: set[IllegalTransition] = set()

    def report(self, illegal: IllegalTransition) -> None:
        """Count it; log each kind once."""
        self._observer.illegal_transition(illegal.table)
        if illegal not in self._logged:
            self._logged.add(illegal)
            log_event(
                logging.ERROR,
                "illegal transition",
                session=self._session_id,
                table=illegal.table,
                state=illegal.state,
                happened=illegal.happened,
            )

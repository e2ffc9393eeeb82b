"""One of many fails, and the others go on: for what is done to each connection, or to each session."""

from __future__ import annotations

import logging
from collections.abc import Callable

from duologue.server.telemetry.log import log_event
from duologue.tracebacks import drop_traceback

__all__ = ["isolated"]


def isolated(act: Callable[[], object], *, doing: str) -> bool:
    """Do it for one of many. A fault is logged, with its traceback, as one in `doing`, and goes no further.

    Returns whether there was no fault.
    """
    try:
        act()
    except Exception as fault:
        log_event(logging.ERROR, "one of many failed", doing=doing, reason=str(fault), fault=fault)
        drop_traceback(fault)
        return False
    return True

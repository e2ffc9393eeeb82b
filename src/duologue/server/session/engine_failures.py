"""What a session does with an engine that fails: its work ends, the client and the log are told, it goes on itself."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from duologue.errors import EngineError
from duologue.server.telemetry.log import log_event
from duologue.tracebacks import drop_traceback

__all__ = ["attempt", "client_message"]


async def attempt(work: Callable[[], Awaitable[None]], *, session_id: str, work_id: str) -> str | None:
    """Do engine work. Returns the message for the client if it failed. Cancelling cancels the work."""
    try:
        await work()
    except EngineError as fault:
        log_event(logging.WARNING, "engine failed", session=session_id, work=work_id, reason=fault.unquoted)
        drop_traceback(fault)
        return client_message(fault)
    except Exception as fault:
        log_event(logging.ERROR, "engine broke", fault=fault, session=session_id, work=work_id)
        drop_traceback(fault)
        return client_message(fault)
    return None


def client_message(fault: Exception) -> str:
    """The message for the client about an engine's failure: its own for an `EngineError`, else a general one."""
    if isinstance(fault, EngineError):
        return fault.for_client or str(fault)
    return "a speech engine broke; the server's log says how"

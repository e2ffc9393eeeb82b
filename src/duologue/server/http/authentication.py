"""An application's own authentication: a hook that says who a caller is, sync or async."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from msgspec import Struct

from duologue.server.allowances import Allowance
from duologue.server.http.key_file import checked_name
from duologue.server.http.paths import path_of
from duologue.server.rejections import Rejection
from duologue.server.session_start import SessionStart
from duologue.server.telemetry.log import log_event
from duologue.tracebacks import drop_traceback
from duologue.transports.asgi import Scope

__all__ = ["Authenticate", "Principal", "identified", "identify"]

_HOOK_S: Final = 10.0
"""For the application's answer, which may come from a database or an identity provider. A caller waits for it."""

_IDENTITY: Final = "duologue.identity"
"""The key of the scope under which the answer stands."""

_UNASKED: Final = frozenset({"/healthz", "/readyz"})
"""Pages for supervisors, which have no key and ask every few seconds."""


class Principal(Struct, frozen=True, kw_only=True):
    """An authenticated caller."""

    owner: str
    """The name of the caller, else the beginning of its key's digest, or its address: by it rates and memory are
    counted. It stands in logs, recordings and figures. Never a key."""
    allowance: Allowance = Allowance()
    """What this caller may have, where the application says it; that of a key stands in its file."""
    session_start: SessionStart = SessionStart()
    """The session start of a client secret."""
    secret: str | None = None
    """The digest of the client secret; None: the caller has a real key, or needs none."""


Authenticate: TypeAlias = Callable[[Scope], "Principal | Awaitable[Principal | None] | None"]
"""Takes the ASGI scope of a handshake or a request. None: not known here; then the server's own keys are looked at."""


async def identify(hook: Authenticate, scope: Scope) -> None:
    """Ask the application who the caller is, and note the answer in the scope. A hook that fails lets no caller in."""
    if scope["type"] not in ("http", "websocket") or path_of(scope) in _UNASKED:
        return
    answer: Principal | str | None
    try:
        async with asyncio.timeout(_HOOK_S):
            found = hook(scope)
            answer = await found if inspect.isawaitable(found) else found
        if answer is not None:
            if not isinstance(answer, Principal):
                raise TypeError(f"authenticate returns a Principal or None, not {type(answer).__name__}")
            checked_name(answer.owner)
    except TimeoutError:
        log_event(logging.ERROR, "authentication late", seconds=_HOOK_S)
        answer = "authentication_late"
    except Exception as fault:
        log_event(logging.ERROR, "authentication broke", fault=fault)
        drop_traceback(fault)
        answer = "broken"
    scope[_IDENTITY] = answer


def identified(scope: Scope) -> Principal | None:
    """Whom the application knows the caller as. Raises Rejection if it could not say."""
    answer: Principal | str | None = scope.get(_IDENTITY)
    if isinstance(answer, str):
        raise Rejection(answer)  # made here: one that lay in the scope would keep it in memory by its traceback
    return answer
